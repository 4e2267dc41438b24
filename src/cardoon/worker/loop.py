"""The loop of one worker process: settle what ended, claim the next, start it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cardoon.app import Cardoon
from cardoon.engines.contract import End
from cardoon.model import clock
from cardoon.model.errors import EngineError, EngineRefused
from cardoon.model.job import Claim
from cardoon.model.states import State
from cardoon.worker.pools.contract import Pool

log = logging.getLogger("cardoon.worker")

IDLE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 5.0


class Loop:
    """Runs jobs through a pool until told to stop, or in a burst until nothing is ready."""

    def __init__(
        self, app: Cardoon, worker: str, queues: Sequence[str] | None, *, burst: bool = False
    ) -> None:
        self._app = app
        self._engine = app.engine
        self._worker = worker
        self._queues = list(queues) if queues else None
        self._burst = burst
        self._stopping = False
        self._failures = 0
        self.pool: Pool

    def run(self) -> None:
        """Until `stop`: one call to the engine settles the last batch and claims the next."""
        while not self._stopping:
            claims = self._exchange(self.pool.ended(), self.pool.room())
            if claims:
                self.pool.start(claims)
            elif self._burst and not self._failures and not self._engine.wait(self._queues, 0.0):
                break
            elif not self._stopping:
                self._wait()
        self._finish()

    def stop(self) -> None:
        """Claim nothing more; what runs ends. For signal handlers too."""
        self._stopping = True
        self._engine.wake()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping

    def settle(self, ends: Sequence[End]) -> None:
        """Settle ends that cannot wait for the next exchange; raises EngineError when that fails."""
        self._refused(self._engine.settle(ends))
        self._returned(ends)

    def _exchange(self, ends: Sequence[End], room: int) -> list[Claim]:
        """Settle and claim, again and again while the engine is away: no end is given up."""
        while True:
            try:
                turn = self._engine.exchange(ends, self._worker, self._queues, room, alone=self.pool.alone())
            except EngineRefused:
                raise  # a damaged file does not mend itself: better to end than to try for ever
            except EngineError as error:
                self._pause(error)
                room = 0 if self._stopping else room
                if not ends and self._stopping:
                    return []
                continue
            self._failures = 0
            self._refused(turn.refused)
            return turn.claims

    def _wait(self) -> None:
        try:
            self._engine.wait(self._queues, IDLE_SECONDS)
        except EngineError as error:
            self._pause(error)

    def _pause(self, error: EngineError) -> None:
        self._failures += 1
        seconds = clock.full_jitter(min(0.1 * 2.0 ** min(self._failures, 10), LONGEST_PAUSE_SECONDS))
        log.warning("the engine failed (%s); again in %.1f s", error, seconds)
        clock.sleep(seconds)

    def _returned(self, ends: Sequence[End]) -> None:
        for claim, outcome in ends if "job.returned" in self._app.events.heard else ():
            if outcome.state is State.READY:
                self._app.events.emit("job.returned", claim.id, claim.message.task)

    def _refused(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self._app.events.emit(
                "job.refused", claim.id, claim.message.task, attempt=claim.attempt, token=claim.token
            )

    def _finish(self) -> None:
        returned = self.pool.drain()
        self.pool.close()
        self._exchange([*self.pool.ended(), *returned], 0)
        self._returned(returned)
