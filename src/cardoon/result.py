"""The handle of a job: its state and its result, pushed to whoever waits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from datetime import datetime
from types import FunctionType
from typing import Any, Generic, TypeVar

import msgspec

from cardoon.engines.contract import DOUBT_SECONDS, Engine
from cardoon.model import clock, codec
from cardoon.model.errors import (
    ConfigurationError,
    ResultLost,
    ResultTimeout,
    TaskFailed,
    TaskRevokedError,
    UnknownJob,
    WorkerLostError,
)
from cardoon.model.job import Filter, Job
from cardoon.model.outcome import ErrorReport
from cardoon.model.signature import UNTYPED, unpack_result
from cardoon.model.states import CELERY_NAMES, FINAL, PROGRESS, UNKNOWN, State

R = TypeVar("R", covariant=True)

_WAIT_SECONDS = 60.0
_PAGE = 500


def find_engine(id: str) -> Engine:
    """The engine of the current application, where it remembers this job."""
    if not current_engines:
        raise ConfigurationError('no application yet: make one first, app = Cardoon("name")')
    return current_engines[-1](id)


current_engines: list[Callable[[str], Engine]] = []
"""How the current application finds the engine of a job; it says so when it becomes the current one."""


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """What an attempt says of itself: the word that its handle shows while it runs, and plain data."""

    state: str = PROGRESS
    meta: Any = None
    attempt: int = 0


def progress_of(job: Job) -> Progress | None:
    """What its attempt said last, not what one before said; any other form is taken as the bare `meta`."""
    if not job.progress:
        return None
    try:
        said = msgspec.json.decode(job.progress, type=Progress)
    except msgspec.ValidationError:
        return Progress(meta=msgspec.json.decode(job.progress))
    return said if said.attempt in (0, job.attempt) else None


class RemoteTraceback(Exception):
    """The traceback of the worker, as the cause of an error that is raised again here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class AsyncResult(Generic[R]):
    """The handle of one job. Keeps nothing but the id: every question asks the engine anew,
    except that a final job is remembered. Without `engine` the current application's is asked.
    """

    __slots__ = ("__weakref__", "_engine", "_final", "_returns", "id", "task_name")

    def __init__(
        self, id: str, engine: Engine | None = None, *, task: str | None = None, returns: Any = UNTYPED
    ) -> None:
        self.id = id
        self.task_name = task
        self._engine = find_engine(id) if engine is None else engine
        self._returns = returns
        self._final: Job | None = None

    @property
    def task_id(self) -> str:
        """The id again, by Celery's other name."""
        return self.id

    @property
    def job(self) -> Job | None:
        """All that the engine knows of the job; None for an unknown id."""
        if self._final is None:
            found = self._engine.result(self.id)
            if found is None or found.state not in FINAL:
                return found
            self._final = found
        return self._final

    def exists(self) -> bool:
        """Whether there is a job of this id; False too after its retention."""
        return self.job is not None

    @property
    def state(self) -> str:
        """PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE, REVOKED, SKIPPED; UNKNOWN for a wrong id.

        A word of the task's own while it runs, if it said one with `update_state`.
        """
        job = self.job
        if job is None:
            return UNKNOWN
        progress = progress_of(job) if job.state is State.RUNNING else None
        return progress.state if progress else CELERY_NAMES[job.state]

    @property
    def status(self) -> str:
        """The state again, by Celery's other name."""
        return self.state

    def ready(self) -> bool:
        """Whether it is final."""
        job = self.job
        return job is not None and job.final

    def successful(self) -> bool:
        """Whether the body returned."""
        job = self.job
        return job is not None and job.state in (State.SUCCEEDED, State.RESULT_LOST)

    def failed(self) -> bool:
        """Whether it failed for good."""
        job = self.job
        return job is not None and job.state in (State.FAILED, State.QUARANTINED)

    @property
    def result(self) -> Any:
        """The return value or the exception; between attempts the last one's; progress while it runs."""
        job = self.job
        if job is None:
            return None
        if job.state is State.RESULT_LOST:
            return self._error(job)
        if job.error is not None:
            return rebuilt(job.error)
        if job.result is not None:
            return self._value(job.result)
        progress = None if job.final else progress_of(job)
        return codec.unpack(progress.meta) if progress else None

    @property
    def info(self) -> Any:
        """The result again, by Celery's other name."""
        return self.result

    @property
    def traceback(self) -> str | None:
        """The worker's traceback of the last error, as text."""
        job = self.job
        return job.error.traceback or None if job is not None and job.error is not None else None

    @property
    def children(self) -> list[AsyncResult[Any]]:
        """The jobs that this job sent, oldest first."""
        found: list[Job] = []
        page: str | None = None
        while True:
            part = self._engine.find(Filter(parent=self.id), page=page, limit=_PAGE)
            found += part.jobs
            page = part.next
            if page is None:
                return [AsyncResult(job.id, self._engine, task=job.task) for job in reversed(found)]

    @property
    def date_done(self) -> datetime | None:
        """When it became final, in UTC."""
        job = self.job
        return None if job is None or job.finished is None else clock.as_datetime(job.finished)

    def get(
        self, timeout: float | None = None, *, propagate: bool = True, interval: float | None = None
    ) -> R:
        """The return value, as soon as it is there.

        Raises ResultTimeout after `timeout` seconds (0 looks once; None waits for ever), the task's
        own exception if it failed (with the worker's traceback as its cause), TaskRevokedError,
        ResultLost, WorkerLostError; UnknownJob when there is no such job. With `propagate=False`
        errors are returned. None, once it ended, for a result that was not to be stored. `interval` is taken
        for Celery's sake and means nothing: results are pushed.
        """
        del interval
        return self._outcome(self._wait(timeout), propagate)

    wait = get

    async def aget(self, timeout: float | None = None, *, propagate: bool = True) -> R:
        """`get` for async callers: no thread waits, however many results are awaited."""
        # Here, as wherever Cardoon awaits: asyncio takes a third of the time that `import cardoon` may take.
        import asyncio

        from cardoon.waiter import waiter_of

        if self._final is None:
            waiter = waiter_of(self._engine)
            future = waiter.future(self.id)
            try:
                async with asyncio.timeout(timeout):
                    self._final = await future
            except TimeoutError:
                self._known()
                raise self._timeout(timeout or 0.0) from None
            finally:
                if future.cancelled() or not future.done():
                    waiter.drop(self.id, future)
        if self._final is None:
            raise self._unknown()
        return self._outcome(self._final, propagate)

    def __await__(self) -> Generator[Any, None, R]:
        return self.aget().__await__()

    def revoke(self, terminate: bool = False) -> str:
        """Cancel it: waiting, it never starts, whatever is restarted; running, it never runs again.

        With `terminate` its worker ends a running attempt, in a few seconds. Returns the state it has now.
        """
        self._engine.cancel([self.id], terminate=terminate)
        return self.state

    def _known(self) -> Job:
        job = self.job
        if job is None:
            raise self._unknown()
        return job

    def _wait(self, timeout: float | None) -> Job:
        if timeout is not None and timeout <= 0:
            job = self._known()
            if job is not self._final:
                raise self._timeout(0.0)
            return job
        if self._final is not None:
            return self._final
        deadline = None if timeout is None else clock.monotonic() + timeout
        seconds = DOUBT_SECONDS
        while True:
            left = seconds if deadline is None else min(deadline - clock.monotonic(), seconds)
            found = self._engine.wait_results([self.id], max(0.0, left))
            if self.id in found:
                self._final = found[self.id]
                return self._final
            self._known()
            if deadline is not None and clock.monotonic() >= deadline:
                raise self._timeout(timeout or 0.0)
            seconds = _WAIT_SECONDS

    def _outcome(self, job: Job, propagate: bool) -> R:
        if job.error is None and job.state in (State.SUCCEEDED, State.SKIPPED):
            return self._value(job.result)  # type: ignore[no-any-return]
        error = self._error(job)
        if propagate:
            raise error
        return error  # type: ignore[return-value]

    def _error(self, job: Job) -> BaseException:
        if job.error is not None:
            return rebuilt(job.error)
        what = f"{job.task}[{self.id}]"
        if job.state is State.RESULT_LOST:
            return ResultLost(f"{what} succeeded, but its result was not stored: {job.note}")
        if job.state in (State.CANCELLED, State.EXPIRED):
            return TaskRevokedError(f"{what} was {job.state}{': ' if job.note else ''}{job.note}")
        if job.state is State.QUARANTINED:
            return WorkerLostError(f"{what}: {job.note}")
        return TaskFailed(f"{what} failed; its error was not to be stored")

    def _value(self, data: bytes | None) -> Any:
        return None if data is None else unpack_result(msgspec.json.decode(data), self._returns)

    def _unknown(self) -> UnknownJob:
        return UnknownJob(
            f"no job {self.id!r} here: wrong id, other engine, or forgotten after its retention"
        )

    def _timeout(self, timeout: float) -> ResultTimeout:
        return ResultTimeout(
            f"{self.task_name or 'job'}[{self.id}] did not finish within {timeout:g} s; it goes on"
        )

    def __reduce__(self) -> tuple[type[AsyncResult[Any]], tuple[str]]:
        """Pickled by its id: where it is read again, the current application's engine is asked."""
        return AsyncResult, (self.id,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncResult) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"<AsyncResult {self.task_name or ''}[{self.id}]>"


class PromisedResult(AsyncResult[R]):
    """The handle of a job that waits for a commit: unknown until then, and in eager mode run only then."""

    __slots__ = ("_find",)

    def __init__(
        self, id: str, find: Callable[[str], Engine], *, task: str | None = None, returns: Any = UNTYPED
    ) -> None:
        self._find = find
        super().__init__(id, find(id), task=task, returns=returns)

    @property
    def job(self) -> Job | None:
        """See `AsyncResult.job`; where it is kept is known when it was stored."""
        self._engine = self._find(self.id)
        return super().job

    def _wait(self, timeout: float | None) -> Job:
        self._known()
        return super()._wait(timeout)

    async def aget(self, timeout: float | None = None, *, propagate: bool = True) -> R:
        """See `AsyncResult.aget`."""
        self._known()
        return await super().aget(timeout, propagate=propagate)


def rebuilt(report: ErrorReport) -> Exception:
    """The exception of a report: of its own class when that is known here, else TaskFailed.

    The class is looked up among the modules that are loaded already, must be an Exception, and its
    `__init__` is not run, so a forged report constructs nothing.
    """
    kind = _known_class(report)
    error: Exception
    if kind is None:
        error = TaskFailed(str(report))
    else:
        error = kind.__new__(kind, *(codec.unpack(report.args) or [report.message]))
    if report.traceback:
        error.__cause__ = RemoteTraceback(report.traceback)
    return error


def _known_class(report: ErrorReport) -> type[Exception] | None:
    found: Any = sys.modules.get(report.module)
    for name in report.type.split("."):
        found = getattr(found, name, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        return None
    # A `__new__` written in Python would be code that a report can make run.
    return None if isinstance(found.__new__, FunctionType) else found
