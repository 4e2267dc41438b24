"""The task: a function or class as declared, and the many ways to call it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    NoReturn,
    Self,
    cast,
    overload,
)

from cardoon.context import OUTSIDE, Request, current_job
from cardoon.engines.contract import Engine
from cardoon.model import clock, codec
from cardoon.model import options as checks
from cardoon.model.errors import EngineError, InvalidOption, MaxRetriesExceededError, Retry
from cardoon.model.message import Message
from cardoon.model.options import TaskOptions
from cardoon.model.retry import DEFAULT_MAX_RETRIES, DEFAULT_RETRY_DELAY
from cardoon.model.signature import Signature
from cardoon.model.states import PROGRESS
from cardoon.result import AsyncResult as Handle
from cardoon.result import Progress, PromisedResult
from cardoon.tasks.call import OPTIONS, arguments, changed, due, each_alone, transaction_of
from cardoon.tasks.door import Door, current_app, known_tasks, module_name, set_current_app
from cardoon.tasks.hooks import HOOKS, ExceptionInfo, Hooks
from cardoon.tasks.kind import TaskType, on_class, on_class_too

if TYPE_CHECKING:
    import logging

    from typing_extensions import ParamSpec, TypeVar

    from cardoon.tasks.kind import TakesOne
else:
    import typing

    def TypeVar(name, **_defaults):
        """At run time Python 3.11 has no defaults for type variables; see `Task.__class_getitem__`."""
        return typing.TypeVar(name)

    def ParamSpec(name, **_defaults):
        """As `TypeVar`."""
        return typing.ParamSpec(name)


__all__ = ["ExceptionInfo", "Task", "TaskType", "current_app", "set_current_app"]

P = ParamSpec("P", default=...)
C = TypeVar("C", default=Any)
"""What calling the function gives: for `async def` a coroutine."""
R = TypeVar("R", default=C)
"""What the job gives."""
X = TypeVar("X")
V = TypeVar("V")

MAGIC = ("logfile", "loglevel", "task_id", "task_name", "task_retries", "task_is_eager", "delivery_info")
"""The default keyword arguments of Celery 1.0 (seed-spec D4)."""


class Task(Hooks, Generic[P, C, R], metaclass=TaskType):
    """Call it to run it here and now; `delay` it to have a worker run it.

    Declared with `@app.task` on a function, or as a class with `run`. The options of `TaskOptions`
    are class attributes: `queue`, `max_retries`, `default_retry_delay`, `retry_for`, and so on.
    """

    name: str = ""
    app: ClassVar[Any] = None
    max_retries: int | None = DEFAULT_MAX_RETRIES
    default_retry_delay: float = DEFAULT_RETRY_DELAY
    queue: str | None = None
    serializer: str = "json"
    ignore_result: bool | None = None
    call_options: Mapping[str, Any] = {}

    if TYPE_CHECKING:
        __name__: str
    else:

        def __class_getitem__(cls, given):
            """`Task[[int, str], float]`: what the call gives is what the job gives, unless said otherwise."""
            given = given if isinstance(given, tuple) else (given, Any)
            return super().__class_getitem__((*given, given[1]) if len(given) == 2 else given)

    def run(self, *args: P.args, **kwargs: P.kwargs) -> C:
        """What the task does: a subclass defines it."""
        raise NotImplementedError(f"{type(self).__qualname__} must define run()")

    def __init__(self) -> None:
        cls = type(self)
        self.name = self.name or f"{module_name(cls.__module__, self.app)}.{cls.__qualname__}"

    @classmethod
    def instance(cls) -> Self:
        """The one instance of this class that is registered."""
        made: Self | None = cls.__dict__.get("_instance")
        if made is None:
            made = cls()
            type.__setattr__(cls, "_instance", made)
        return made

    # -- what it is; computed at first use, when all that annotations name is defined

    @cached_property
    def declared(self) -> TaskOptions:
        """The options it declares, checked."""
        names = (*TaskOptions.__struct_fields__, *checks.ALIASES)
        return TaskOptions.checked(self.name, {n: getattr(self, n) for n in names if hasattr(self, n)})

    @cached_property
    def signature(self) -> Signature:
        """What a call of it takes."""
        return Signature(self.name, type(self).run, skip=self._skipped, filled=frozenset(self._named_magic))

    @cached_property
    def magic(self) -> tuple[str, ...]:
        """The default keyword arguments that each attempt gives it."""
        takes_any = any(
            p.kind is p.VAR_KEYWORD for p in inspect.signature(type(self).run).parameters.values()
        )
        opted_in = self.declared.accept_magic_kwargs or self._door.settings.accept_magic_kwargs
        return MAGIC if takes_any and opted_in else self._named_magic

    @cached_property
    def _named_magic(self) -> tuple[str, ...]:
        named = inspect.signature(type(self).run).parameters
        return tuple(name for name in MAGIC if name in named)

    @cached_property
    def _skipped(self) -> int:
        return 0 if isinstance(inspect.getattr_static(type(self), "run"), staticmethod) else 1

    @cached_property
    def hooks(self) -> frozenset[str]:
        """The hooks that its classes define; the others cost nothing."""
        return frozenset(h for h in HOOKS if getattr(type(self), h) is not getattr(Task, h))

    @property
    def request(self) -> Request:
        """The running attempt, if it is one of this task; otherwise an empty request."""
        request = current_job()
        return request if request.task_object is self else OUTSIDE

    @property
    def _door(self) -> Door:
        return self.app if self.app is not None else current_app()

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return _registered, (self.name,)

    # -- calling it

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C:
        """Run it here and now, like any function: no job, no engine."""
        return self.run(*args, **kwargs)

    @on_class
    def delay(self, /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Store one job and return its handle: once this returns, the job exists.

        Raises ArgumentsRefused, NotSerializable or PayloadTooLarge for what cannot be sent, and an
        EngineError when it could not be stored.
        """
        return self._send(args, kwargs, self.call_options)

    @on_class
    async def adelay(self, /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """`delay` for async callers: a thread speaks to the engine, the loop goes on."""
        if "tm" in self.call_options:
            return self._send(args, kwargs, self.call_options)  # its transaction may be of this thread alone
        import asyncio  # here, so that who never awaits does not pay for it

        return await asyncio.to_thread(self._send, args, kwargs, self.call_options)

    @on_class
    def apply_async(
        self, /, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Handle[R]:
        """`delay` with options.

        `countdown` (seconds) or `eta` (an aware datetime), `expires` (seconds or a datetime), `queue`,
        `priority` (0 first, to 9), `task_id`, `link`, `link_error` (from `task.s(...)`), `time_limit`,
        `soft_time_limit`, `ignore_result`, `headers`. With `tm`, a transaction manager, the job is stored
        when the transaction that is open on it has committed. Raises InvalidOption for what makes no sense.
        """
        return self._send(*arguments(args, kwargs), {**self.call_options, **options})

    @on_class
    def apply(
        self,
        /,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Any,
    ) -> Handle[R]:
        """Run it here and now on the worker's own path: codec, layers, hooks, retries without their delays.

        The handle is final. `throw` raises what the task raised; by default the setting
        `task_eager_propagates` decides.
        """
        app = self._door
        message = self.message(*arguments(args, kwargs), {**self.call_options, **options})
        handle = self._handle(message.id, app.run_inline(message))
        if app.settings.task_eager_propagates if throw is None else throw:
            handle.get()
        return handle

    @on_class_too
    def map(self: TakesOne[X, V], /, items: Iterable[X]) -> list[Handle[V]]:
        """One job for each item, its only argument; handles in their order.

        Each 5,000 are stored in one round trip, together or not at all, while the next items are taken. What
        is raised after the first 5,000 has a note of how many are stored.
        """
        return cast("Task[..., Any, V]", self).starmap(each_alone(items))

    @on_class
    def starmap(self, /, items: Iterable[Iterable[Any]]) -> list[Handle[R]]:
        """One job for each tuple of arguments; as `map`."""
        app = self._door
        tm, options = transaction_of(self.call_options)
        if app.settings.task_always_eager and tm is None:
            return [self.apply(tuple(args), **options) for args in items]
        engine, handles = app.engine, list[Handle[R]]()

        def messages() -> Iterator[Message]:
            for args in items:
                message = self.message(tuple(args), {}, options)
                id = message.id
                handles.append(self._handle(id, engine) if tm is None else self._promised(id))
                yield message

        app.send(messages(), tm=tm)
        return handles

    @on_class_too
    def options(self, /, **options: Any) -> Self:
        """The same task, with these options of `apply_async` on every call made through it."""
        checks.unknown(options, OPTIONS, f"a call of {self.name}")
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other.call_options = {**self.call_options, **options}
        return other

    @on_class
    def s(self, /, *args: Any, **kwargs: Any) -> Message:
        """A call as data, for `link`: what the job before returned comes before these arguments."""
        return self.message(args, kwargs, self.call_options, partial=True)

    @on_class
    def si(self, /, *args: Any, **kwargs: Any) -> Message:
        """A call as data that takes nothing from the job before."""
        return self.message(args, kwargs, {**self.call_options, "headers": {"immutable": True}})

    @on_class
    def AsyncResult(self, /, task_id: str) -> Handle[R]:
        """The handle of an earlier job of this task."""
        return self._handle(task_id, self._door.engine_of(task_id))

    def _send(self, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]) -> Handle[R]:
        app = self._door
        tm, options = transaction_of(options) if options else (None, options)
        if app.settings.task_always_eager and tm is None:
            return self.apply(args, kwargs, **options)
        message = self.message(args, kwargs, options)
        app.send([message], tm=tm)
        if tm is not None:
            return self._promised(message.id)
        return Handle(message.id, app.engine, task=self.name, returns=self.signature.returns)

    def _promised(self, id: str) -> Handle[R]:
        return PromisedResult(id, self._door.engine_of, task=self.name, returns=self.signature.returns)

    def _handle(self, id: str, engine: Engine) -> Handle[R]:
        return Handle(id, engine, task=self.name, returns=self.signature.returns)

    def message(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: Mapping[str, Any],
        *,
        partial: bool = False,
    ) -> Message:
        """The message of a call; raises what `delay` raises for bad input. `partial` checks no arity."""
        signature, declared, settings = self.signature, self.declared, self._door.settings
        if declared.typing and not partial:
            signature.check(args, kwargs)
        packed, named = signature.pack(args, kwargs)
        parent = current_job().claim.message
        message = Message(
            id=clock.new_id(),
            task=self.name,
            args=packed,
            kwargs=named,
            queue=declared.queue or settings.task_default_queue,
            priority=settings.task_default_priority if declared.priority is None else declared.priority,
            sent=clock.now(),
            expires=None if declared.expires is None else checks.moment("expires", declared.expires),
            root=parent.root or parent.id or None,
            parent=parent.id or None,
        )
        return changed(message, options, self.name) if options else message

    # -- from inside

    @overload
    def retry(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: Literal[True] = True,
        **options: Any,
    ) -> NoReturn: ...
    @overload
    def retry(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        *,
        throw: bool,
        **options: Any,
    ) -> None: ...
    def retry(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: datetime | None = None,
        countdown: float | timedelta | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> None:
        """Run this job again later: the same job, so that nothing can get lost in between.

        Raises Retry, which tells the worker; with `throw=False` it returns and the worker is told when
        the body has ended. Too often: raises `exc`, or MaxRetriesExceededError. Outside a job: raises
        `exc`, or the exception that is being handled.
        """
        request = current_job()
        if request.called_directly:
            raise exc or sys.exception() or RuntimeError(f"{self.name}.retry() was called outside a job")
        policy = self.declared.retry
        if not policy.allows(request.retries, max_retries):
            raise exc or MaxRetriesExceededError(
                f"{self.name}[{request.id}] was retried {request.retries} times"
            )
        delayed = eta is not None or countdown is not None
        when = (
            due({"eta": eta, "countdown": countdown})
            if delayed
            else clock.now() + policy.delay_after(request.retries)
        )
        signal = Retry("retry", exc=exc or sys.exception(), when=when or clock.now())
        signal.message = self._changed(request.claim.message, args, kwargs, options)
        if throw:
            raise signal from exc
        request.retry_asked = signal

    def _changed(
        self,
        message: Message,
        args: Iterable[Any] | None,
        kwargs: Mapping[str, Any] | None,
        options: Mapping[str, Any],
    ) -> Message | None:
        """The job's message with other arguments or options; None when nothing is changed."""
        if args is None and kwargs is None and not options:
            return None
        # What Celery 1.0 passes on by hand belongs to the attempt that ends, not to the next one.
        given = {name: value for name, value in (kwargs or {}).items() if name not in self.magic}
        packed, named = self.signature.pack(tuple(args or ()), given)
        fields = {
            **({} if args is None else {"args": packed}),
            **({} if kwargs is None else {"kwargs": named}),
        }
        return changed(message, {k: v for k, v in options.items() if k not in MAGIC}, self.name, **fields)

    @on_class
    def update_state(
        self, /, task_id: str | None = None, state: str | None = None, meta: object = None
    ) -> bool:
        """Say how far the running attempt of this task is; whether that was written.

        Its handle shows `state` (PROGRESS, or a word of your own) and, as `info`, `meta` until the attempt
        ends. Nothing is written outside a job of this task, in eager mode, for an attempt that lost its job,
        and, with a warning, while the engine is away. Raises InvalidOption for the id of another job,
        NotSerializable for what cannot travel.
        """
        job = current_job()
        if job.called_directly or job.task != self.name:
            return False
        if task_id not in (None, job.id):
            raise InvalidOption(f"{self.name}[{job.id}] can update its own state only, not that of {task_id}")
        data = codec.dumps(Progress(state or PROGRESS, codec.pack(meta), job.attempt))
        try:
            return job.engine is not None and job.engine.annotate(job.claim, "progress", data)
        except EngineError as error:
            self.get_logger().warning("how far it is was not written: %s", error)
            return False

    @on_class
    def get_logger(
        self, /, loglevel: int | None = None, logfile: str | None = None, **_magic: Any
    ) -> logging.Logger:
        """A logger whose records carry the job's id and task; takes the magic arguments as they come."""
        from cardoon.logs import get_task_logger  # here: who only sends pays for no logging

        logger = get_task_logger(f"cardoon.task.{self.name}")
        if loglevel:
            logger.setLevel(loglevel)
        return logger

    def debug_task(self) -> None:
        """Log the request of the running attempt, at DEBUG."""
        self.get_logger().debug("request: %r", self.request)


def _registered(name: str) -> Any:
    """The task of that name, for unpickling."""
    return known_tasks()[name]
