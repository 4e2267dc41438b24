"""The solo pool: the main thread runs a batch, one job after the other: the fastest way for short ones.

A keeper watches. As soon as one job turns out slow it settles what is finished and gives back what has
not started, so that neither waits behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress

from cardoon.engines.contract import End
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.outcome import returned
from cardoon.worker.attempts import Run
from cardoon.worker.last_words import LastWords, Others
from cardoon.worker.pools.contract import Rouse, Settle
from cardoon.worker.pools.handover import taken
from cardoon.worker.pools.keeper import Keeper
from cardoon.worker.timeouts import Limits

TARGET_SECONDS = 0.02
LARGEST = 256


class Batch:
    """The size of the next batch: one job while they are long or few, so many short ones that they take
    about 20 ms; grows at most twofold a step.
    """

    def __init__(self) -> None:
        self.size = 1

    def learn(self, jobs: int, seconds: float) -> None:
        """Take in that so many jobs took so long."""
        if not jobs:
            return
        fitting = int(TARGET_SECONDS / max(seconds / jobs, 1e-6))
        self.size = max(1, min(fitting, self.size * 2, LARGEST))


class SoloPool:
    """Runs claims in the thread that calls `start`. Both deques are shared with the keeper: each claim
    and each end is popped by exactly one of the two.
    """

    def __init__(
        self,
        run: Run,
        limits: Limits,
        settle: Settle,
        rouse: Rouse,
        last_words: LastWords,
    ) -> None:
        self._run = run
        self._limits = limits
        self._settle = settle
        self._rouse = rouse
        self._last_words = last_words
        self._waiting: deque[Claim] = deque()
        self._ended: deque[End] = deque()
        self._running: Claim | None = None
        self._flushing: set[str] = set()
        self._batch = Batch()
        self._done = 0
        self._seen = -1
        self._keeper = Keeper(self._look)

    def room(self) -> int:
        """See `Pool.room`."""
        return self._batch.size

    def alone(self) -> bool:
        """See `Pool.alone`."""
        return True

    def start(self, claims: Sequence[Claim]) -> None:
        """See `Pool.start`; returns when all of them ended or went back."""
        begun, before = clock.monotonic(), self._done
        self._waiting.extend(claims)
        self._keeper.work.set()
        try:
            while self._waiting:
                self._run_next()
        finally:
            self._keeper.work.clear()
        self._batch.learn(self._done - before, clock.monotonic() - begun)

    def _run_next(self) -> None:
        try:
            claim = self._running = self._waiting.popleft()
        except IndexError:
            return  # the keeper was faster
        try:
            self._ended.append((claim, self._run(claim)))
        finally:
            self._running = None
        self._done += 1

    def ended(self) -> list[End]:
        """See `Pool.ended`."""
        ends: list[End] = []  # as `taken` does, without a step more on the way of every job
        with suppress(IndexError):
            while self._ended:
                ends.append(self._ended.popleft())
        return ends

    def in_hand(self) -> Collection[str]:
        """See `Pool.in_hand`."""
        return {c.id for c in self._waiting} | {c.id for c, _ in self._ended} | self._flushing

    def part_with(self, id: str) -> tuple[Claim, Others] | None:
        """See `Pool.part_with`."""
        claim = self._running
        return (claim, self._all_others) if claim is not None and claim.id == id else None

    def cancel(self, id: str) -> bool:
        """See `Pool.cancel`: the main thread cannot be asked."""
        return False

    def _all_others(self) -> list[End]:
        return [*self.ended(), *self.drain()]

    def drain(self) -> list[End]:
        """See `Pool.drain`."""
        return [(claim, returned()) for claim in taken(self._waiting)]

    def close(self) -> None:
        """See `Pool.close`."""
        self._keeper.close()

    def _look(self) -> None:
        if overdue := self._limits.overdue():
            claim, seconds = overdue
            self._last_words.over_time(claim, seconds, self._all_others)
        if self._keeper.work.is_set() and self._done == self._seen:
            self._flush()
        self._seen = self._done

    def _flush(self) -> None:
        """Settle what is finished, give back what waits; after a failure the loop does it, once it can."""
        ends = self.ended() + self.drain()
        if not ends:
            return
        self._flushing = {claim.id for claim, _ in ends}
        try:
            self._settle(ends)
        except Exception:
            self._ended.extend(ends)
            self._rouse()
        self._flushing = set()
