"""What holds in every file at every moment, whatever failed (the numbers are those of the design)."""

from __future__ import annotations

from collections import Counter

from cardoon.engines.contract import Engine
from cardoon.model import clock, outcome
from cardoon.model.job import Filter, Job
from cardoon.model.message import decode
from cardoon.model.states import FINAL, State

from .house import House
from .still import StillClock


class Invariants:
    """I1 to I12, as far as one looks from outside; to check them ends all jobs.

    `numbered` is the highest number that a holder of "lock" had before.
    """

    def __init__(self, house: House, engine: Engine, numbered: int = 1) -> None:
        self._house = house
        self._engine = engine
        self._numbered = numbered

    def check(self) -> None:
        """Raises AssertionError with the number of what does not hold."""
        jobs = self._jobs()
        self._one_state_and_an_owner(jobs)
        self._counts_are_sums(jobs)
        self._payloads_are_whole(jobs)
        self._stale_ends_change_nothing(jobs)
        self._locks_have_one_holder_and_growing_numbers()
        self._a_moment_fires_once()
        self._nothing_is_out_of_reach()

    def _jobs(self) -> list[Job]:
        page = self._engine.find(Filter(), limit=100)
        jobs = page.jobs
        while page.next is not None:
            page = self._engine.find(Filter(), page=page.next, limit=100)
            jobs = jobs + page.jobs
        return jobs

    def _one_state_and_an_owner(self, jobs: list[Job]) -> None:
        assert len({job.id for job in jobs}) == len(jobs), "I1: a job is there twice"
        for job in jobs:
            owned = job.worker is not None
            assert owned or job.state is not State.RUNNING, f"I5: {job.id} runs without an owner"
            assert (job.finished is not None) == job.final, f"I4: {job.id} is not as final as it says"

    def _counts_are_sums(self, jobs: list[Job]) -> None:
        rows = Counter((job.queue, job.state) for job in jobs)
        counts = self._engine.count()
        told = {(q, state): n for q, states in counts.items() for state, n in states.items() if n}
        waiting = {key: n for key, n in rows.items() if key[1] not in FINAL}
        assert {key: n for key, n in told.items() if key[1] not in FINAL} == waiting, "I6: a wrong count"
        for key, n in rows.items():
            assert told.get(key, 0) >= n, f"I6: more ended than were counted: {key}"

    def _payloads_are_whole(self, jobs: list[Job]) -> None:
        for job in jobs:
            known = self._house.messages.get(job.id)
            message = decode(job.body)
            assert known is None or message.args in (known.args, []), f"I12: another payload in {job.id}"
            assert message.id == job.id, f"I12: {job.id} holds the message of {message.id}"

    def _stale_ends_change_nothing(self, jobs: list[Job]) -> None:
        running = {(job.id, job.token) for job in jobs if job.state is State.RUNNING}
        tokens = {job.id: job.token for job in jobs}
        claims = self._house.claims.values()
        for claim in claims:
            assert tokens.get(claim.id, claim.token) >= claim.token, f"I2: the token of {claim.id} shrank"
            current = (claim.id, claim.token) in running
            assert self._engine.owns(claim) == current, f"I3: who owns {claim.id}?"
        stale = [claim for claim in claims if (claim.id, claim.token) not in running]
        self._engine.settle([(claim, outcome.skipped("too late")) for claim in stale])
        late = [claim.id for claim in stale[-2:] if self._engine.annotate(claim, "progress", b"too late")]
        assert not late, f"I3: progress of a lost attempt of {late}"
        assert self._jobs() == jobs, "I3: a late end changed something"

    def _locks_have_one_holder_and_growing_numbers(self) -> None:
        taken = [self._engine.acquire("lock", name, slots=2) for name in ("x", "y", "z")]
        numbers = [number for number in taken if number is not None]
        assert len(numbers) < 3, "I8: a lock of two slots is held by three"
        assert not numbers or numbers[0] > self._numbered, "I8: a number was given out before"
        assert numbers == sorted(set(numbers)), "I8: the numbers of a lock do not grow"

    def _a_moment_fires_once(self) -> None:
        due = self._house.now - 5
        there = [schedule for schedule in self._engine.schedules() if schedule.name == "hourly"]
        fires = [self._engine.fire_due("hourly", due, due + 60, []) for _ in range(2)]
        may = bool(there) and there[0].enabled and there[0].next_due == due
        assert fires == [may, False], "I9: a moment fires twice, or not at all"

    def _nothing_is_out_of_reach(self) -> None:
        """When all queues are open, all workers gone and all moments past, claims end every job."""
        engine = self._engine
        for worker in engine.workers():
            engine.retire(worker.worker, crashed=False)
        for queue in engine.queues():
            if queue.paused:
                engine.resume(queue.name)
        engine.unpark(["unknown", "t"])
        with clock.use(StillClock(clock.now() + 100_000)):
            while claims := engine.claim("the last", None, 50):
                assert engine.settle([(claim, outcome.succeeded(None)) for claim in claims]) == []
        left = [f"{job.id} ({job.state})" for job in self._jobs() if not job.final]
        assert not left, f"I11: out of reach: {left}"
