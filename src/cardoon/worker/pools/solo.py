"""The solo pool: the main thread runs a batch, one job after the other: the fastest way for short ones.

A keeper thread watches. As soon as one job turns out slow it settles what is finished and gives back
what has not started, so that neither waits behind it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import msgspec

from cardoon.engines.contract import End
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.outcome import returned
from cardoon.worker.pools.batch import Batch
from cardoon.worker.pools.contract import Execute, Settle
from cardoon.worker.timeouts import Limits

LOOK_SECONDS = 0.025
"""How often the keeper looks; a job that is still the same at the second look is slow."""


class SoloPool:
    """Runs claims in the thread that calls `start`. Both deques are shared with the keeper: each claim
    and each end is popped by exactly one of the two.
    """

    def __init__(self, execute: Execute, settle: Settle, limits: Limits) -> None:
        self._execute = execute
        self._settle = settle
        self._limits = limits
        self._waiting: deque[Claim] = deque()
        self._ended: deque[End] = deque()
        self._batch = Batch()
        self._done = 0
        self._busy = threading.Event()
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="cardoon-keeper", daemon=True)
        self._keeper.start()

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
        self._busy.set()
        try:
            while self._waiting:
                self._run_next()
        finally:
            self._busy.clear()
        self._batch.learn(self._done - before, clock.monotonic() - begun)

    def _run_next(self) -> None:
        try:
            claim = self._waiting.popleft()
        except IndexError:
            return  # the keeper was faster
        started = clock.now()
        self._limits.begin(claim)
        try:
            outcome = self._execute(claim)
        finally:
            self._limits.end()
        self._ended.append((claim, msgspec.structs.replace(outcome, started=started)))
        self._done += 1

    def ended(self) -> list[End]:
        """See `Pool.ended`."""
        ends: list[End] = []
        while self._ended:
            try:
                ends.append(self._ended.popleft())
            except IndexError:
                break
        return ends

    def drain(self) -> list[End]:
        """See `Pool.drain`."""
        ends: list[End] = []
        while self._waiting:
            try:
                ends.append((self._waiting.pop(), returned()))
            except IndexError:
                break
        return ends

    def close(self) -> None:
        """See `Pool.close`."""
        self._closed.set()
        self._busy.set()
        self._keeper.join()

    def _keep(self) -> None:
        seen = -1
        while not self._closed.is_set():
            self._busy.wait()
            self._closed.wait(LOOK_SECONDS)
            self._limits.enforce(self._last_words)
            if self._busy.is_set() and self._done == seen:
                self._flush()
            seen = self._done

    def _flush(self) -> None:
        """Settle what is finished, give back what waits; after a failure it is tried at the next look."""
        ends = self.ended() + self.drain()
        if not ends:
            return
        try:
            self._settle(ends)
        except Exception:
            self._ended.extend(ends)

    def _last_words(self, claim: Claim, outcome: object) -> None:
        """The hard limit passed: settle everything, this job with its outcome, before the process ends."""
        self._settle([*self.ended(), *self.drain(), (claim, outcome)])  # type: ignore[list-item]
