"""The job being run, as seen from inside a task."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol

import msgspec

from cardoon.engines.contract import Store
from cardoon.model import clock
from cardoon.model.errors import Retry
from cardoon.model.job import Claim
from cardoon.model.message import Message

NOT_A_JOB = Claim(Message(id="", task=""), worker="", token=0)


class Interrupt(Protocol):
    """Hears when a body starts and ends, so that a time limit may raise into it in between."""

    def enter(self) -> None:
        """A body starts."""
        ...

    def leave(self) -> None:
        """It ended: nothing is raised from outside any more."""
        ...


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt may ask about the process that runs it."""

    hostname: str = ""
    loglevel: int = 0
    logfile: str | None = None
    is_eager: bool = False
    interrupt: Interrupt | None = None


NOWHERE = Surroundings()


class Request:
    """What `self.request` is: Celery's names, read from the claim of the running attempt.

    Outside a job `id` is None and `called_directly` is True.
    """

    __slots__ = ("args", "claim", "engine", "kwargs", "retry_asked", "started", "surroundings", "task_object")

    def __init__(
        self,
        claim: Claim = NOT_A_JOB,
        args: list[Any] | tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        task_object: Any = None,
        engine: Store | None = None,
        surroundings: Surroundings = NOWHERE,
    ) -> None:
        self.claim = claim
        self.args = args
        self.kwargs = kwargs or {}
        self.task_object = task_object
        self.engine = engine
        self.surroundings = surroundings
        self.retry_asked: Retry | None = None
        self.started = clock.now()

    @property
    def id(self) -> str | None:
        """The id of the job."""
        return self.claim.message.id or None

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.claim.message.task

    @property
    def called_directly(self) -> bool:
        """Whether no job is being run: the function was called like any other."""
        return not self.claim.message.id

    @property
    def retries(self) -> int:
        """How often this job was retried before; 0 the first time."""
        return self.claim.retries

    @property
    def attempt(self) -> int:
        """The number of this start of the job, from 1; crashes count here, not in `retries`."""
        return self.claim.attempt

    @property
    def token(self) -> int:
        """The fence of this attempt: give it to outside resources that can compare it."""
        return self.claim.token

    @property
    def eta(self) -> datetime | None:
        """When the job was due, in UTC, if it was delayed."""
        return _moment(self.claim.message.due)

    @property
    def expires(self) -> datetime | None:
        """After this moment, in UTC, the job would not have been started."""
        return _moment(self.claim.message.expires)

    @property
    def root_id(self) -> str | None:
        """The id of the first job of the chain that led here."""
        return self.claim.message.root or self.id

    @property
    def parent_id(self) -> str | None:
        """The id of the job that sent this one."""
        return self.claim.message.parent

    @property
    def headers(self) -> dict[str, Any]:
        """What travelled beside the arguments."""
        return self.claim.message.headers

    @property
    def timelimit(self) -> tuple[float | None, float | None]:
        """The hard and the soft time limit given with the call, seconds."""
        return self.claim.message.time_limit, self.claim.message.soft_time_limit

    @property
    def delivery_info(self) -> dict[str, Any]:
        """How it came here; Cardoon has queues only, so the routing key is the queue."""
        if self.is_eager:
            return {"is_eager": True}
        message = self.claim.message
        return {
            "exchange": "",
            "routing_key": message.queue,
            "queue": message.queue,
            "priority": message.priority,
            "consumer_tag": self.claim.worker,
            "redelivered": self.claim.attempt > self.claim.retries + 1,
        }

    @property
    def is_eager(self) -> bool:
        """Whether it runs in the process that called it."""
        return self.surroundings.is_eager

    @property
    def hostname(self) -> str:
        """The name of the worker that runs it."""
        return self.surroundings.hostname

    @property
    def loglevel(self) -> int:
        """The worker's log level, as a number of `logging`; 0 in eager mode."""
        return self.surroundings.loglevel

    @property
    def logfile(self) -> str | None:
        """The file that the worker logs into, if it does."""
        return self.surroundings.logfile

    def still_mine(self) -> bool:
        """Ask the engine whether this attempt still owns its job; True outside a job."""
        return self.engine is None or self.engine.owns(self.claim)

    def __repr__(self) -> str:
        return f"<Request {self.task}[{self.id}] attempt {self.attempt}>"


OUTSIDE = Request()
_current: ContextVar[Request] = ContextVar("cardoon_job", default=OUTSIDE)


def current_job() -> Request:
    """The request of the job that runs here; outside one, an empty one with `id` None."""
    return _current.get()


@contextmanager
def running(request: Request) -> Generator[None, None, None]:
    """Make this the current job inside the block."""
    before = _current.set(request)
    try:
        yield
    finally:
        _current.reset(before)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else clock.as_datetime(seconds)
