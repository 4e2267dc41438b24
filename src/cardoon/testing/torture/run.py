"""One run: send, strike, wait for the end of every job, gather the evidence, check it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.errors import ConfigurationError, EngineUnavailable
from cardoon.model.job import Filter, Job
from cardoon.model.states import FINAL, State
from cardoon.testing.torture.check import check
from cardoon.testing.torture.evidence import Evidence
from cardoon.testing.torture.fleet import Fleet
from cardoon.testing.torture.ledger import Ledger, read
from cardoon.testing.torture.nemesis import Nemesis
from cardoon.testing.torture.plan import planned
from cardoon.testing.torture.report import Report, report_of
from cardoon.testing.torture.setup import Setup

PATIENCE_SECONDS = 60.0
"""So long nothing ends any more, with everybody running, and the run is over."""

GRACE_SECONDS = 15.0
"""So long after the end something may still be claimed."""

_LOOK_SECONDS = 0.02
_SLOWEST_PACE = 3.0
_TELL_SECONDS = 5.0
_BEFORE_THE_END = 0.95
_PAGE = 1_000

Told = Callable[[str], None]


def run(setup: Setup, told: Told) -> Report:
    """Torture the engine of the setup; `told` hears every few seconds how far it is.

    Raises ConfigurationError when there are jobs in the engine already.
    """
    begun, engine = clock.monotonic(), setup.engine()
    try:
        if engine.count():
            raise ConfigurationError("the engine has jobs already, and all are checked; name an empty one")
        course = Course(setup, engine, told)
        try:
            course.run()
            left = [*course.leftovers()]
        finally:
            course.fleet.close()
        evidence, profile = gathered(setup.folder, engine, left), engine.profile()
    finally:
        engine.close()
    seconds = clock.monotonic() - begun
    return report_of(setup, evidence, check(evidence), course.nemesis.struck, profile, seconds)


class Course:
    """A run while it goes on."""

    def __init__(self, setup: Setup, engine: Engine, told: Told) -> None:
        self._setup = setup
        self._engine = engine
        self._told = told
        self._total = sum(1 + len(job.follows) for job in planned(setup.seed, setup.jobs))
        self._ended = 0
        self._seen = 0, self._total
        self._begun = self._progress = self._struck = self._spoke = clock.monotonic()
        self.fleet = Fleet(setup)
        self.nemesis = Nemesis(setup, self.fleet, Ledger(setup.folder, "nemesis"))

    def run(self) -> None:
        """Until everything was struck, sent, and has ended, or nothing moves any more."""
        self.fleet.start()
        while not self._is_over():
            self.fleet.tend()
            self.nemesis.tend()
            if self._may_strike():
                self._struck = clock.monotonic()
                self.nemesis.strike()
            self._tell()
            clock.sleep(_LOOK_SECONDS)

    def _is_over(self) -> bool:
        if not self.nemesis.has_done:
            return False
        ended, under_way = self._look()
        if ended != self._ended:
            self._ended, self._progress = ended, clock.monotonic()
        stuck = clock.monotonic() - self._progress > PATIENCE_SECONDS
        return stuck or not (self.fleet.producers or under_way)

    def _look(self) -> tuple[int, int]:
        """How many jobs have ended, and how many have not; as last seen while the server is away."""
        with suppress(EngineUnavailable):
            counts = [item for states in self._engine.count().values() for item in states.items()]
            ended = sum(number for state, number in counts if state in FINAL)
            self._seen = ended, sum(number for state, number in counts if state not in FINAL)
        return self._seen

    def _may_strike(self) -> bool:
        """The kills are spread over the jobs, but while nothing moves they go on slowly."""
        if self.nemesis.kills >= self._setup.kills:
            return False
        share = (self.nemesis.kills + 0.5) / self._setup.kills * _BEFORE_THE_END
        waited = clock.monotonic() - self._struck
        return waited > _SLOWEST_PACE or self._look()[0] >= share * self._total

    def _tell(self) -> None:
        now = clock.monotonic()
        if now - self._spoke > _TELL_SECONDS:
            self._spoke = now
            kills = f"{self.nemesis.kills} of {self._setup.kills} kills"
            self._told(
                f"{now - self._begun:5.0f} s  {self._look()[0]:,} of {self._total:,} jobs ended, {kills}"
            )

    def leftovers(self) -> Iterator[str]:
        """What is left after all workers were told to end."""
        self.fleet.disband()
        deadline = clock.monotonic() + GRACE_SECONDS
        while (running := self._running()) and clock.monotonic() < deadline:
            self._engine.sweep()
            clock.sleep(_LOOK_SECONDS)
        yield from (f"job {job.id} still runs" for job in running)
        self._engine.sweep()
        yield from (
            f"worker {report.name} ({report.pid}) is not retired" for report in self._engine.workers()
        )
        while (living := self.fleet.survivors()) and clock.monotonic() < deadline:
            clock.sleep(_LOOK_SECONDS)
        yield from (f"process {pid} lives" for pid in living)

    def _running(self) -> list[Job]:
        return self._engine.find(Filter(states=frozenset({State.RUNNING}))).jobs


def gathered(folder: Path, engine: Engine, left: list[str]) -> Evidence:
    """All that is known at the end."""
    jobs = {job.id: job for job in _all_jobs(engine)}
    again = [job for job in jobs.values() if job.attempt > 1]
    attempts = {job.id: engine.attempts(job.id) for job in again}
    return Evidence(read(folder), jobs, attempts, left)


def _all_jobs(engine: Engine) -> Iterator[Job]:
    page = engine.find(Filter(), limit=_PAGE)
    yield from page.jobs
    while page.next is not None:
        page = engine.find(Filter(), page=page.next, limit=_PAGE)
        yield from page.jobs
