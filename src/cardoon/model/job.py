"""What an engine tells about jobs and workers: records, filters, pages, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import FINAL, State

if TYPE_CHECKING:
    from cardoon.model.query.tree import Node


class Claim(msgspec.Struct, frozen=True):
    """A job in the hands of one attempt. `token` fences every write of that attempt.

    `attempt` counts starts from 1; `retries` counts orderly retries; `crashes` counts attempts
    that ended with the death of a process in which the job ran alone.
    """

    message: Message
    worker: str
    token: int
    attempt: int = 1
    retries: int = 0
    crashes: int = 0
    suspect: bool = False
    ref: int = 0
    claimed: float = 0.0

    @property
    def id(self) -> str:
        """The id of the job."""
        return self.message.id


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an engine remembers of one job. Moments are seconds since the epoch, UTC."""

    id: str
    task: str
    queue: str
    priority: int
    state: State
    token: int = 0
    attempt: int = 0
    retries: int = 0
    crashes: int = 0
    created: float = 0.0
    due: float | None = None
    expires: float | None = None
    started: float | None = None
    finished: float | None = None
    worker: str | None = None
    parent: str | None = None
    result: bytes | None = None
    progress: bytes | None = None
    error: ErrorReport | None = None
    note: str = ""
    body: bytes = b""

    @property
    def final(self) -> bool:
        """Whether it reached a state that it never leaves by itself."""
        return self.state in FINAL


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs: every field that is set must match; an empty one matches all.

    `after` and `before` bound the moment of creation, the first included, the second not. `query` is
    what `cardoon.model.query.parse` made of a text; `query.tree.tree_of` says the whole as one tree.
    """

    states: frozenset[State] = frozenset()
    queues: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    workers: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    parent: str | None = None
    after: float | None = None
    before: float | None = None
    query: Node | None = None


class Page(msgspec.Struct, frozen=True):
    """Jobs, newest first. `next` asks for the page after it, also when this one is short; None at the end."""

    jobs: list[Job]
    next: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself with each beat. `worker` is the id of this incarnation.

    `beats` grows by one with each beat: a sweeper declares death only when its own monotonic clock
    has seen it stand still. `boot`, `pid` and `pid_started` prove death on the same host at once.
    """

    worker: str
    supervisor: str = ""
    name: str = ""
    host: str = ""
    boot: str = ""
    pid: int = 0
    pid_started: int = 0
    queues: list[str] = []
    slots: int = 1
    started: float = 0.0
    beats: int = 0


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A stored rule that makes jobs: `next_due` is its next moment, `data` the rest of it."""

    name: str
    next_due: float | None = None
    enabled: bool = True
    data: bytes = b""
