"""Lanes of threads: each takes the next claim as soon as it is free. The main thread can be one, too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.worker.attempts import Run
from cardoon.worker.coroutines import close_loop
from cardoon.worker.exits import crash
from cardoon.worker.interrupts import OtherThread
from cardoon.worker.lanes.contract import Ended
from cardoon.worker.timeouts import Interrupt

RunIn = Callable[[Interrupt], Run]
"""Gives what runs claims in the thread that an interrupt reaches."""


class ThreadLane:
    """Runs claims in threads; `serve` is what each of them does, and the main thread where it is asked to."""

    def __init__(self, slots: int, run_in: RunIn, ended: Ended, *, served: bool = False) -> None:
        self.slots = slots
        self.started = 0
        self._run_in = run_in
        self._ended = ended
        self._queue: SimpleQueue[Claim | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._in_thread, name=f"cardoon-{number}", daemon=True)
            for number in range(1, 1 if served else slots + 1)
        ]

    def begin(self) -> None:
        """See `Lane.begin`; a lane that is `served` by a thread of somebody else has none."""
        for thread in self._threads:
            thread.start()

    def put(self, claim: Claim) -> None:
        """See `Lane.put`."""
        self._queue.put(claim)

    def waiting(self) -> int:
        """See `Lane.waiting`."""
        return self._queue.qsize()

    def take_back(self) -> list[Claim]:
        """See `Lane.take_back`."""
        claims: list[Claim] = []
        while True:
            try:
                claim = self._queue.get_nowait()
            except Empty:
                return claims
            if claim is not None:
                claims.append(claim)

    def cancel(self, id: str) -> bool:
        """See `Pool.cancel`: a thread cannot be asked."""
        return False

    def serve(self, interrupt: Interrupt) -> None:
        """Run claims in this thread until the lane is closed."""
        run = self._run_in(interrupt)
        while (claim := self._queue.get()) is not None:
            self.started += 1
            begun = clock.monotonic()
            try:
                outcome = run(claim)
            except BaseException:
                crash(claim)
            self._ended(claim, outcome, clock.monotonic() - begun)

    def close(self) -> None:
        """See `Lane.close`."""
        for _ in range(self.slots):
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _in_thread(self) -> None:
        try:
            self.serve(OtherThread())
        finally:
            close_loop()
