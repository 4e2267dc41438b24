"""Jobs as lines of a table."""

from __future__ import annotations

from collections.abc import Sequence

from cardoon.cli.text import Column, duration, table
from cardoon.model import clock
from cardoon.model.job import Job
from cardoon.model.states import State

SHORT_ID = 8

_COLUMNS = [
    Column("ID"),
    Column("STATE"),
    Column("TASK", keeps="end", shrinks=True),
    Column("QUEUE", shrinks=True),
    Column("SENT", right=True),
    Column("TOOK", right=True),
    Column("NOTE", shrinks=True),
]


def job_table(jobs: Sequence[Job]) -> None:
    """Print a line for each job."""
    now = clock.now()
    table(_COLUMNS, [_row(job, now) for job in jobs])


def short(id: str) -> str:
    """The end of an id, which tells jobs apart and is taken by every command."""
    return id[-SHORT_ID:]


def took(job: Job, now: float) -> str:
    """How long the last attempt took, or has been running."""
    if job.started is None or (job.finished is None and job.state is not State.RUNNING):
        return "-"
    return duration((job.finished or now) - job.started)


def _row(job: Job, now: float) -> list[str]:
    sent = duration(now - job.created)
    return [short(job.id), job.state, job.task, job.queue, sent, took(job, now), _note(job, now)]


def _note(job: Job, now: float) -> str:
    waits = f"in {duration(job.due - now)}" if job.due and job.due > now and not job.final else ""
    said = str(job.error).partition("\n")[0] if job.error is not None else job.note
    return ", ".join(filter(None, [waits, said]))
