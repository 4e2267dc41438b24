"""The application: registry, engine and settings, with one door to send through."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.middleware import Layer, compose
from cardoon.model import clock, codec
from cardoon.model import message as envelope
from cardoon.model.errors import (
    ConfigurationError,
    InvalidOption,
    NotSerializable,
    PayloadTooLarge,
    QueueNotFound,
    nearest,
)
from cardoon.model.message import Message
from cardoon.model.signature import UNTYPED
from cardoon.model.states import State
from cardoon.result import AsyncResult
from cardoon.tasks.call import arguments, changed
from cardoon.tasks.declare import Declare, declaring
from cardoon.tasks.registry import Registry, shared
from cardoon.tasks.task import Task, TaskType, set_current_app

if TYPE_CHECKING:
    from cardoon.settings import Loaded, Settings

INLINE_POOL = "cardoon.worker.pools.inline:run_inline"
"""Eager mode takes the worker's own path, which lies above: it is named like a driver (decision 5)."""

_ARGUMENTS = {"broker": "broker_url", "backend": "result_backend"}
"""Arguments of Celery's constructor -> the settings that they are."""

INLINE_REMEMBERED = 1_000
"""Of so many eager jobs this process can still tell the result by their ids."""

PUSH_AT_ONCE = 5_000
"""So many messages are stored in one step: more would keep other writers waiting."""


class Cardoon:
    """An application. Make one at the top of a module and declare tasks on it.

    `main` names it and stands for `__main__` in task names. Settings are keyword arguments, in any
    of Celery's spellings; they are read when first needed, so `config_from_object` may follow.
    `engine` takes an engine object instead of the URL, for tests.
    """

    def __init__(
        self, main: str = "", *, engine: Engine | None = None, set_as_current: bool = True, **settings: Any
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
        self._mutex = threading.Lock()
        self._loaded: Loaded | None = None
        self._engine_is_for: Loaded | None = None
        self._inline: dict[str, Engine] = {}
        self._discoveries: list[Callable[[], Iterable[str]]] = []
        if set_as_current:
            set_current_app(self)

    # -- what it is made of

    @property
    def loaded(self) -> Loaded:
        """The settings with where each came from; raises ConfigurationError with all that is wrong."""
        loaded = self._loaded
        if loaded is None:
            from cardoon.settings import load  # here: who only imports the application reads no settings

            loaded = self._loaded = load(self.conf.given, framework=self.conf.framework())
        return loaded

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self.loaded.settings

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
        return connect(settings.url, profile=settings.profile, retention=settings.result_expires)

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
        self.conf.add(_as_mapping(_imported(obj) if isinstance(obj, str) else obj), namespace)

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
                packages() if callable(packages) else packages if packages is not None else _installed_apps()
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

    def import_tasks(self) -> None:
        """Import everything that may declare tasks: `imports`, `include` and what autodiscovery found."""
        for module in (*self.settings.imports, *self.settings.include):
            importlib.import_module(module)
        self._discover()

    def _discover(self) -> None:
        while self._discoveries:
            for module in self._discoveries.pop(0)():
                _import_if_there(module)

    # -- the door

    def send(self, messages: list[Message]) -> None:
        """Store messages through the send layers; each 5,000 together or not at all."""
        for start in range(0, len(messages), PUSH_AT_ONCE):
            batch = [self._sendable(m) for m in messages[start : start + PUSH_AT_ONCE]]
            self.engine.push(batch)
            for message in batch if "job.sent" in self.events.heard else ():
                self.events.emit("job.sent", message.id, message.task, queue=message.queue)

    def _sendable(self, message: Message) -> Message:
        if self.sending:
            message = compose(self.sending, _itself)(message)
        settings = self.settings
        if not settings.task_create_missing_queues:
            self._check_queue(message)
        try:
            size = len(envelope.encode(message))
        except UnicodeEncodeError as error:
            raise _unsayable(message, error) from None
        if size > settings.task_size_limit:
            raise _too_large(message, size, settings.task_size_limit)
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
        message = changed(message, options, name)
        self.send([message])
        return AsyncResult(message.id, self.engine, task=name)

    def run_inline(self, message: Message) -> Engine:
        """Run a message here and now with everything that follows; the engine that remembers its end."""
        message = self._sendable(message)
        module, _, name = INLINE_POOL.partition(":")
        engine: Engine = getattr(importlib.import_module(module), name)(self, message)
        self._inline[message.id] = engine
        while len(self._inline) > INLINE_REMEMBERED:
            self._inline.pop(next(iter(self._inline)))
        return engine

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

    def revoke(self, task_id: str | Sequence[str]) -> dict[str, State]:
        """Cancel jobs: those that wait never start, those that run are not run again; their states now."""
        return self.engine.cancel([task_id] if isinstance(task_id, str) else list(task_id))

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

    def framework(self) -> dict[str, Any]:
        """What `config_from_object` read; without it Django's settings, where there are some."""
        if not self._framework and os.environ.get("DJANGO_SETTINGS_MODULE") and _installed("django"):
            return dict(_as_mapping(_imported("django.conf:settings")))
        return self._framework

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


def _itself(message: Message) -> Message:
    return message


def _largest(message: Message) -> str:
    """Which argument takes the most room."""
    parts = {
        **{f"argument {i + 1}": v for i, v in enumerate(message.args)},
        **{f"argument {k!r}": v for k, v in message.kwargs.items()},
    }
    sizes = {name: len(codec.dumps(value)) for name, value in parts.items()}
    if not sizes:
        return "its options"
    name = max(sizes, key=sizes.__getitem__)
    return f"{name} alone {sizes[name]:,}"


def _too_large(message: Message, size: int, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"a call of {message.task} is {size:,} bytes, the limit is {limit:,} ({_largest(message)}); "
        "pass an id or a path instead"
    )


def _unsayable(message: Message, error: UnicodeEncodeError) -> NotSerializable:
    text = str(error.object)
    named = [*enumerate(message.args, 1), *message.kwargs.items()]
    where = next(
        (f"argument {name!r} of " for name, value in named if value == text or text in repr(value)), ""
    )
    return NotSerializable(f"{where}{message.task} holds a lone surrogate ({error.reason})")


def _installed(module: str) -> bool:
    from importlib.util import find_spec  # here: only who reads settings from elsewhere pays for it

    return find_spec(module) is not None


def _imported(path: str) -> Any:
    module, _, attribute = path.partition(":")
    if not attribute and not _installed(module) and "." in module:
        module, _, attribute = path.rpartition(".")
    try:
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"settings {path!r} cannot be read: {error}") from error


def _as_mapping(obj: Any) -> Mapping[str, Any]:
    if isinstance(obj, Mapping):
        return obj
    names = dir(obj)
    values = {name: getattr(obj, name, None) for name in names if not name.startswith("_")}
    return {n: v for n, v in values.items() if not isinstance(v, (ModuleType, type)) and not callable(v)}


def _installed_apps() -> Iterable[str]:
    if not _installed("django"):
        raise InvalidOption(
            "autodiscover_tasks() without packages reads Django's INSTALLED_APPS; name the packages"
        )
    return list(_imported("django.conf:settings").INSTALLED_APPS)


def _import_if_there(module: str) -> None:
    """Import a module; that it is missing is fine, that something inside it is missing is not."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
