"""What the engine says in the end: every job, every attempt, and whether it all adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from cardoon.cli.demo.watch import Kill
from cardoon.cli.text import count
from cardoon.engines.contract import Engine
from cardoon.model import message as envelope
from cardoon.model.job import Filter, Job
from cardoon.model.states import FINAL, State

_PAGE = 500
_FAILED = frozenset({State.FAILED, State.QUARANTINED})
_EXPECTED = _FAILED | {State.SUCCEEDED}


class Numbers(msgspec.Struct, frozen=True):
    """The result of one job, as the example's `Counted` travels."""

    lines: int
    words: int
    sha256: str
    functions: int | None = None
    classes: int | None = None


class Row(NamedTuple):
    """One file and what became of its job; `error` is the whole text, `reason` a short form for the eye."""

    path: str
    state: State
    numbers: Numbers | None
    error: str
    reason: str


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `seconds` is from the first start to the last end; `recovery` from the kill to the
    first new start of a job that it interrupted; `faults` are sentences, none if every file was
    counted exactly once.
    """

    rows: list[Row]
    attempts: int
    retried: int
    returned: int
    seconds: float
    recovery: float | None
    faults: list[str]

    @property
    def counted(self) -> list[Numbers]:
        """The results."""
        return [row.numbers for row in self.rows if row.numbers is not None]

    @property
    def failed(self) -> list[Row]:
        """The files that were not counted."""
        return [row for row in self.rows if row.state in _FAILED]


def tally(engine: Engine, paths: Sequence[str], kill: Kill | None) -> Tally:
    """Read everything back from the engine and hold it against what was sent."""
    jobs = list(_all_jobs(engine))
    earlier = {job.id: engine.attempts(job.id) for job in jobs if job.attempt > 1}
    rows = sorted(map(_row, jobs))
    returned = [job for job in jobs if kill and _was_interrupted(earlier.get(job.id, ()), kill)]
    return Tally(
        rows=rows,
        attempts=sum(job.attempt for job in jobs),
        retried=sum(job.retries > 0 for job in jobs),
        returned=len(returned),
        seconds=_seconds(jobs, earlier),
        recovery=_recovery(returned, earlier, kill) if kill and returned else None,
        faults=_faults(engine, paths, rows),
    )


def _all_jobs(engine: Engine) -> Iterator[Job]:
    page: str | None = None
    while True:
        found = engine.find(Filter(), page=page, limit=_PAGE)
        yield from found.jobs
        page = found.next
        if page is None:
            return


def _row(job: Job) -> Row:
    path = str(envelope.decode(job.body).args[0])
    numbers = msgspec.json.decode(job.result, type=Numbers) if job.result is not None else None
    error, reason = (str(job.error), _reason(job)) if job.error is not None else (job.note, job.note)
    return Row(path, job.state, numbers, error if numbers is None else "", reason)


def _reason(job: Job) -> str:
    """Without the path, which is shown already: of an OSError's arguments the last says what it is."""
    assert job.error is not None
    words = job.error.args[-1] if job.error.args else job.error.message
    return f"{job.error.type}: {words}"


def _was_interrupted(attempts: Sequence[Job], kill: Kill) -> bool:
    return any(a.worker == kill.worker and a.state is State.READY for a in attempts)


def _starts(job: Job, earlier: dict[str, list[Job]]) -> list[float]:
    return [run.started for run in (job, *earlier.get(job.id, ())) if run.started is not None]


def _seconds(jobs: list[Job], earlier: dict[str, list[Job]]) -> float:
    begun = min((start for job in jobs for start in _starts(job, earlier)), default=0.0)
    return max((job.finished or 0.0 for job in jobs), default=0.0) - begun


def _recovery(returned: list[Job], earlier: dict[str, list[Job]], kill: Kill) -> float | None:
    again = [start for job in returned for start in _starts(job, earlier) if start > kill.moment]
    return min(again) - kill.moment if again else None


def _faults(engine: Engine, paths: Sequence[str], rows: list[Row]) -> list[str]:
    jobs_of = Counter(row.path for row in rows)
    states = Counter(row.state for row in rows)
    ended = sum(n for by_state in engine.count().values() for state, n in by_state.items() if state in FINAL)
    wrong = [
        (sum(path not in jobs_of for path in paths), "file", "without a job"),
        (sum(n > 1 for n in jobs_of.values()), "file", "with more than one job"),
        (len(jobs_of.keys() - set(paths)), "job", "that nobody sent"),
        (
            sum(row.state is State.SUCCEEDED and row.numbers is None for row in rows),
            "job",
            "without a result",
        ),
        *((n, "job", f"{state}") for state, n in states.items() if state not in _EXPECTED),
    ]
    found = [f"{count(n, noun)} {what}" for n, noun, what in wrong if n]
    if ended != len(paths):
        found.append(f"{count(ended, 'end')} written for {count(len(paths), 'file')}")
    return found
