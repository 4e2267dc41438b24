"""What an engine tells of jobs afterwards, through its contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.application import app
from cardoon.model.job import Filter, Job
from cardoon.model.states import FINAL, State
from cardoon.result import AsyncResult

_PAGE = 1_000


def first_and_last(jobs: int) -> tuple[float, float]:
    """The first start and the last finish, as stored; every job must have ended well."""
    moments = [(job.started, job.finished) for job in everything() if job.state is State.SUCCEEDED]
    if len(moments) != jobs:
        raise RuntimeError(f"{len(moments)} of {jobs} jobs succeeded")
    return min(started or 0.0 for started, _ in moments), max(finished or 0.0 for _, finished in moments)


def last_start() -> float:
    """The moment of the last one that is stored."""
    return max(job.started or 0.0 for job in everything())


def ended() -> int:
    """How many jobs have ended in any way."""
    return _counted(lambda state: state in FINAL)


def succeeded() -> int:
    return _counted(lambda state: state is State.SUCCEEDED)


def _counted(which: Callable[[State], bool]) -> int:
    counts = app.engine.count().values()
    return sum(number for states in counts for state, number in states.items() if which(state))


def everything() -> Iterator[Job]:
    """All jobs that the engine knows, newest first."""
    page: str | None = None
    while True:
        found = app.engine.find(Filter(), page=page, limit=_PAGE)
        yield from found.jobs
        if found.next is None:
            return
        page = found.next


def stored_size(handle: AsyncResult[Any]) -> int:
    """How many bytes a job is as it travels."""
    job = handle.job
    if job is None:
        raise RuntimeError(f"the engine does not know {handle.id}")
    return len(job.body)
