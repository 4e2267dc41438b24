"""The application: registry, engine and settings, with one door to send through."""

from __future__ import annotations

import importlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from cardoon.context import Request, current_job
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.loaders import BaseLoader, as_mapping, import_if_there, imported, installed_apps, loader_class
from cardoon.middleware import CallNext, Layer, compose
from cardoon.model import clock, codec
from cardoon.model import message as envelope
from cardoon.model.errors import (
    CardoonError,
    ConfigurationError,
    QueueNotFound,
    nearest,
)
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.model.signature import UNTYPED
from cardoon.model.states import State
from cardoon.result import AsyncResult
from cardoon.tasks.call import arguments, changed, too_large, transaction_of, unsayable
from cardoon.tasks.declare import Declare, declaring
from cardoon.tasks.registry import Registry, shared
from cardoon.tasks.task import Task, TaskType, set_current_app

if TYPE_CHECKING:
    from cardoon.control import Control
    from cardoon.jobs import Jobs
    from cardoon.settings import Loaded, Settings

INLINE_POOL = "cardoon.worker.pools.inline:run_inline"
"""Eager mode takes the worker's own path, which lies above: it is named like a driver (decision 5)."""

_ARGUMENTS = {"broker": "broker_url", "backend": "result_backend"}
"""Arguments of Celery's constructor -> the settings that they are."""

INLINE_REMEMBERED = 1_000
"""Of so many eager jobs this process can still tell the result by their ids."""

PUSH_AT_ONCE = 5_000
"""So many messages are stored in one step: more would keep other writers waiting."""

LOOK_SECONDS = 60.0
"""How long it is taken for granted that a queue has consumers, or has none."""


class Cardoon:
    """An application. Make one at the top of a module and declare tasks on it.

    `main` names it and stands for `__main__` in task names. Settings are keyword arguments, in any
    of Celery's spellings; they are read when first needed, so `config_from_object` may follow.
    `engine` takes an engine object instead of the URL, for tests. `loader` is the class of its loader,
    or a name for it, as in CELERY_LOADER.
    """

    def __init__(
        self,
        main: str = "",
        *,
        engine: Engine | None = None,
        loader: str | type[BaseLoader] | None = None,
        set_as_current: bool = True,
        **settings: Any,
    ) -> None:
        self.main = main
        named = {_ARGUMENTS.get(name, name): value for name, value in settings.items()}
        self.conf = Configuration(self, named)
        self.tasks = Registry(parent=shared)
        self.events = Events()
        self.sending: list[Layer[Message]] = []
        self.running: list[Layer[Any]] = []
        self.task: Declare = declaring(self)
        self._given_engine = self._engine = engine
        self._given_loader = loader
        self._loader: BaseLoader | None = None
        self._mutex = threading.RLock()
        self._loaded: Loaded | None = None
        self._engine_is_for: Loaded | None = None
        self._inline: dict[str, Engine] = {}
        self._discoveries: list[Callable[[], Iterable[str]]] = []
        self._next_looks: dict[str, float] = {}
        if set_as_current:
            set_current_app(self)

    # -- what it is made of

    @property
    def loaded(self) -> Loaded:
        """The settings with where each came from; raises ConfigurationError with all that is wrong."""
        loaded = self._loaded
        if loaded is None:
            from cardoon.settings import load  # here: who only imports the application reads no settings

            _ = self.loader  # even if it is not asked for settings, it is to hear of jobs
            framework, module = self.conf.framework(), self.conf.module
            loaded = self._loaded = load(self.conf.given, framework=framework, module=module)
        return loaded

    @property
    def settings(self) -> Settings:
        """The settings."""
        return (self._loaded or self.loaded).settings

    @property
    def loader(self) -> BaseLoader:
        """Where settings and task modules come from; raises ConfigurationError for what is none."""
        with self._mutex:
            if self._loader is None:
                self._loader = loader_class(self._given_loader)(self)
                if type(self._loader).on_task_init is not BaseLoader.on_task_init:
                    self.running.insert(0, self._tell_loader)
        return self._loader

    def _tell_loader(self, request: Request, call_next: CallNext[Request]) -> Any:
        self.loader.on_task_init(str(request.id), request.task_object)
        return call_next(request)

    @property
    def engine(self) -> Engine:
        """Where this application's jobs are kept; connected when it is first spoken to."""
        if self._engine is None or self._loaded is not self._engine_is_for:
            with self._mutex:  # two threads must not make two engines
                self._engine = self._connected()
        return self._engine

    def _connected(self) -> Engine:
        """The engine that the settings name: the one there is, if they still name it."""
        before, self._engine_is_for = self._engine_is_for, self.loaded
        if self._given_engine is not None:
            return self._given_engine
        if self._engine is not None and before and _place_of(before) == _place_of(self.loaded):
            return self._engine
        settings = self.settings
        try:
            return connect(settings.url, profile=settings.profile, retention=settings.result_expires)
        except ConfigurationError as error:
            raise ConfigurationError(f"{error} (url from {self.loaded.sources['url']})") from None

    @cached_property
    def Task(self) -> type[Task[..., Any, Any]]:
        """The base of class tasks of this application."""
        body = {"app": self, "abstract": True, "__module__": Task.__module__, "__doc__": Task.__doc__}
        return cast("type[Task[..., Any, Any]]", TaskType("Task", (Task,), body))

    def register_task(self, task: Any) -> Any:
        """Make a task known, an instance or a class; returns its instance."""
        self.tasks.register(task)
        return cast("Any", task).instance() if isinstance(task, type) else task

    # -- configuring

    def config_from_object(self, obj: Any, *, namespace: str = "") -> None:
        """Read settings from a module, an object, a mapping, or the path of one (`package.module:name`)."""
        self.conf.add(as_mapping(imported(obj) if isinstance(obj, str) else obj), namespace)

    def config_from_envvar(self, variable: str) -> None:
        """Read settings from the module that this environment variable names."""
        if not os.environ.get(variable):
            raise ConfigurationError(f"the environment variable {variable} names no module")
        self.config_from_object(os.environ[variable])

    def forget_settings(self) -> None:
        """Read the settings anew when they are next needed; the engine is kept unless they name another."""
        self._loaded = None

    # -- finding tasks

    def autodiscover_tasks(
        self,
        packages: Iterable[str] | Callable[[], Iterable[str]] | None = None,
        related_name: str = "tasks",
        *,
        force: bool = False,
    ) -> None:
        """Import `<package>.tasks` of each package that has one, when a worker starts (`force`: now).

        Without packages: Django's INSTALLED_APPS. A missing module is fine; an error inside one is raised.
        """

        def modules() -> Iterable[str]:
            named = (
                packages() if callable(packages) else packages if packages is not None else installed_apps()
            )
            return [f"{package}.{related_name}" for package in named]

        self._discoveries.append(modules)
        if force:
            self._discover()

    def scan(self, package: str | ModuleType) -> list[str]:
        """Import a module, or a package with all that is in it, now; the names of the tasks found."""
        before = set(self.tasks)
        module = importlib.import_module(package) if isinstance(package, str) else package
        from pkgutil import walk_packages  # here: slow to import, and only workers scan

        for info in walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
            importlib.import_module(info.name)
        return sorted(set(self.tasks) - before)

    def begin_worker(self) -> None:
        """Tell the loader that a worker process starts; raises ConfigurationError with what it raises."""
        try:
            self.loader.on_worker_init()
        except CardoonError:
            raise
        except Exception as error:
            what = f"{type(self.loader).__qualname__}.on_worker_init() failed"
            raise ConfigurationError(f"{what}: {type(error).__name__}: {error}") from error

    def import_tasks(self) -> None:
        """Import everything that may declare tasks: `imports`, `include` and what autodiscovery found."""
        self.loader.import_default_modules()
        self._discover()

    def _discover(self) -> None:
        while self._discoveries:
            for module in self._discoveries.pop(0)():
                import_if_there(module)

    # -- the door

    def send(self, messages: Iterable[Message], *, tm: Any = None) -> None:
        """Store messages through the send layers; each 5,000 together or not at all.

        While the engine stores some the next are taken: what is raised by one of them, or by the engine,
        has a note of how many are stored. With a transaction manager `tm` all are checked now and stored
        when its transaction has committed.
        """
        ready = map(self._sendable, messages)
        if tm is None:
            self._store(ready)
        else:
            self._store_after_commit(list(ready), tm)

    def _store(self, ready: Iterable[Message]) -> None:
        job, engine, rest = current_job(), self.engine, iter(ready)
        by = job.claim if job.engine is engine else None
        stored: Iterable[list[Message]] = ()
        if len(batch := list(islice(rest, PUSH_AT_ONCE))) == PUSH_AT_ONCE:
            stored = _stored_in_turn(engine, batch, rest, by)
        elif batch:
            engine.push(batch, by=by)
            stored = (batch,)
        for batch in stored:
            for message in batch if "job.sent" in self.events.heard else ():
                self.events.emit("job.sent", message.id, message.task, queue=message.queue)
            if batch[-1].sent >= self._next_looks.get(batch[-1].queue, 0.0):
                self._look_for_consumers(batch[-1])

    def _store_after_commit(self, ready: list[Message], tm: Any) -> None:
        from cardoon.transactions import after_commit  # here: only who names a transaction pays for it

        after_commit(tm, ready, self._run_here if self.settings.task_always_eager else self._store)

    def _look_for_consumers(self, message: Message) -> None:
        """Whether anybody takes the jobs of its queue: asked once a minute at most, as it asks the engine."""
        self._next_looks[message.queue] = message.sent + LOOK_SECONDS
        if self.settings.warn_no_consumer:
            from cardoon.consumers import warn_if_none  # here: once a minute, not at `import cardoon`

            warn_if_none(self.engine, message)

    def _sendable(self, message: Message) -> Message:
        if self.sending:
            message = compose(self.sending, _itself)(message)
        settings = self.settings
        if not settings.task_create_missing_queues:
            self._check_queue(message)
        try:
            size = len(envelope.encode(message))
        except UnicodeEncodeError as error:
            raise unsayable(message, error) from None
        if size > settings.task_size_limit:
            raise too_large(message, size, settings.task_size_limit)
        return message

    def _check_queue(self, message: Message) -> None:
        declared = [queue.name for queue in self.settings.task_queues]
        if message.queue not in declared:
            near = nearest(message.queue, declared)
            raise QueueNotFound(f"queue {message.queue!r} of {message.task} is not declared{near}")

    def send_task(
        self,
        name: str,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> AsyncResult[Any]:
        """Send a task by its name, which need not be registered here."""
        args, kwargs = arguments(args, kwargs)
        task = self.tasks.find(name)
        if task is not None:
            return task.apply_async(args, kwargs, **options)  # type: ignore[no-any-return]
        message = Message(
            id=clock.new_id(),
            task=name,
            args=codec.pack(list(args)),
            kwargs=codec.pack(kwargs),
            queue=self.settings.task_default_queue,
            priority=self.settings.task_default_priority,
            sent=clock.now(),
        )
        tm, options = transaction_of(options)
        message = changed(message, options, name)
        self.send([message], tm=tm)
        return AsyncResult(message.id, self.engine, task=name)

    def run_inline(self, message: Message) -> Engine:
        """Run a message here and now with everything that follows; the engine that remembers its end."""
        self._run_here([self._sendable(message)])
        return self._inline[message.id]

    def _run_here(self, ready: list[Message]) -> None:
        module, _, name = INLINE_POOL.partition(":")
        run = getattr(importlib.import_module(module), name)
        for message in ready:
            self._inline[message.id] = run(self, message)
        while len(self._inline) > INLINE_REMEMBERED:
            self._inline.pop(next(iter(self._inline)))

    def engine_of(self, id: str) -> Engine:
        """Where this job is remembered: the engine, or for an eager one of this process its own."""
        return self._inline.get(id) or self.engine

    def AsyncResult(self, task_id: str) -> AsyncResult[Any]:
        """The handle of a job by its id; typed by its task if that is registered here."""
        engine = self.engine_of(task_id)
        job = engine.result(task_id)
        task = self.tasks.find(job.task) if job is not None else None
        returns = task.signature.returns if task is not None else UNTYPED
        return AsyncResult(task_id, engine, task=job.task if job else None, returns=returns)

    def revoke(self, task_id: str | Sequence[str], terminate: bool = False) -> dict[str, State]:
        """Cancel jobs: those that wait never start, those that run are not run again; their states now.

        With `terminate` those that run are ended.
        """
        return self.control.revoke(task_id, terminate=terminate)

    @cached_property
    def jobs(self) -> Jobs:
        """Its jobs, taken by a filter."""
        from cardoon.jobs import Jobs  # here, as below: only who looks at jobs pays for it

        return Jobs(self)

    @cached_property
    def control(self) -> Control:
        """Looking into what is under way, and steering it, with Celery's words."""
        from cardoon.control import Control

        return Control(self)

    def close(self) -> None:
        """Let go of the engine's connections."""
        if self._engine is not None:
            self._engine.close()

    def __repr__(self) -> str:
        return f"<Cardoon {self.main}>"


class Configuration:
    """`app.conf`: settings as attributes and items, in any spelling; a change is read at the next use."""

    def __init__(self, app: Cardoon, given: Mapping[str, Any]) -> None:
        self.given = dict(given)
        self._app = app
        self._framework: dict[str, Any] = {}

    def add(self, mapping: Mapping[str, Any], namespace: str) -> None:
        """Take settings from a framework's or a module's mapping."""
        if namespace:
            self.given.setdefault("namespace", namespace)
        self._framework.update(mapping)
        self._app.forget_settings()

    @property
    def module(self) -> str | None:
        """The module that the loader read unasked, if `framework` is what stands in one."""
        return None if self._framework else self._app.loader.module

    def framework(self) -> dict[str, Any]:
        """What `config_from_object` read; without it what the loader reads."""
        return self._framework or dict(self._app.loader.read_configuration())

    def update(self, *mappings: Mapping[str, Any], **settings: Any) -> None:
        """Set several."""
        for mapping in (*mappings, settings):
            self.given.update(mapping)
        self._app.forget_settings()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app.settings, name)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("given", "_app", "_framework"):
            object.__setattr__(self, name, value)
        else:
            self.update({name: value})


def _place_of(loaded: Loaded) -> object:
    settings = loaded.settings
    return settings.url, settings.profile, settings.result_expires


def _stored_in_turn(
    engine: Engine, batch: list[Message], rest: Iterator[Message], by: Claim | None
) -> Iterator[list[Message]]:
    """The batches of a call, each when it is stored; an error has a note of how far that came."""
    taken: deque[list[Message]] = deque()
    stored = 0

    def batches() -> Iterator[list[Message]]:
        following = batch
        while following:
            taken.append(following)
            yield following
            following = list(islice(rest, PUSH_AT_ONCE))

    try:
        for _ in engine.push_each(batches(), by=by):
            stored += len(taken[0])
            yield taken.popleft()
    except BaseException as error:
        perhaps = f"; the {len(taken[0]):,} after them are too, or none of them is" if taken else ""
        error.add_note(f"the first {stored:,} jobs of this call are stored{perhaps}")
        raise


def _itself(message: Message) -> Message:
    return message
