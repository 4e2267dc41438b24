"""The loop of one worker process: settle what ended, claim the next, start it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from cardoon import failpoints
from cardoon.app import Cardoon
from cardoon.engines.contract import End, Turn
from cardoon.model import clock
from cardoon.model.errors import EngineDamaged, EngineError
from cardoon.model.job import Claim
from cardoon.model.states import State
from cardoon.worker.guard import Guard
from cardoon.worker.patience import Patience
from cardoon.worker.pools.contract import Pool
from cardoon.worker.readmission import Readmission
from cardoon.worker.withdrawal import Withdrawal

log = logging.getLogger("cardoon.worker")

IDLE_SECONDS = 20.0
REST_SECONDS = 0.1


class Loop:
    """Runs jobs through a pool until told to stop, or in a burst until nothing is ready.

    `jobs` counts what it claimed, at most `allowed`; `busy_until` is when it last had something to start
    (monotonic). Who ends the process takes the `turn` first: within it, ends are on their way from the pool
    to the engine. Who watches it lets its `guard` look. A pool that may never be empty asks the `withdrawal`.
    """

    def __init__(
        self,
        app: Cardoon,
        worker: str,
        queues: Sequence[str] | None,
        *,
        burst: bool = False,
        allowed: int | None = None,
    ) -> None:
        self._app = app
        self._engine = app.engine
        self._worker = worker
        self._queues = list(queues) if queues else None
        self._burst = burst
        self._stopping = self._quiet = self._in_doubt = self._will_wait = self._is_called = False
        self._patience = Patience()
        # Its `put` may be called from a signal handler that interrupts its `get`.
        self._news: SimpleQueue[None] = SimpleQueue()
        self._listening = False
        self.pool: Pool
        self.jobs = 0
        self._allowed = allowed
        self.busy_until = clock.monotonic()
        self._readmission = Readmission(app.engine, app.tasks)
        self.withdrawal = Withdrawal(app.engine, worker, self._queues)
        self.guard = Guard(app.engine.close)
        self.turn = threading.Lock()

    def run(self) -> None:
        """Until `stop`: one call to the engine settles the last batch and claims the next."""
        while not self._stopping:
            with self.turn:
                ends = self.pool.ended()  # first, as it makes room
                room = self._room
                if self._readmission.back:
                    self._readmission.look(ends)
                if room and clock.monotonic() >= self._readmission.at:
                    self._readmission.run()
                claims = self._exchange(ends, room) if ends or room or self._is_called else []
            if claims:
                self.jobs += len(claims)
                self.pool.start(claims)
                self.busy_until = clock.monotonic()
            elif room and self._is_burst_over():
                break
            elif (room or not ends) and not self._is_called:
                self._wait(room)
        self._finish()

    def stop(self) -> None:
        """Claim nothing more; what runs ends. For signal handlers too."""
        self._stopping = True
        self.rouse()

    def be_quiet(self, quiet: bool) -> None:
        """Claim nothing while quiet; what runs goes on."""
        self._quiet = quiet
        self.rouse()

    def rouse(self) -> None:
        """There is news: an end, or an order. From any thread, and from signal handlers."""
        if self._news.empty():
            self._news.put(None)
        if self._listening:
            self._engine.wake()

    def settle(self, ends: Sequence[End]) -> None:
        """Settle ends that cannot wait for the next exchange; raises EngineError when that fails."""
        self._tell(ends, self._engine.settle(ends))

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping

    @property
    def _room(self) -> int:
        if self._quiet or self._stopping:
            return 0
        room = self.pool.room()
        return room if self._allowed is None else max(0, min(room, self._allowed - self.jobs))

    def _exchange(self, ends: Sequence[End], room: int) -> list[Claim]:
        """Settle and claim, again and again while the engine is away: no end is given up."""
        while True:
            self.guard.since = clock.monotonic()
            try:
                found = self._take_up(ends) if self._in_doubt else []
                turn = self._turn(ends, room)
            except EngineDamaged:
                raise  # it does not mend itself: better to end than to try for ever
            except EngineError as error:
                self._in_doubt = True
                self._patience.rest(error)
                room = 0 if self._stopping else room
                if not ends and self._stopping:
                    return []
                continue
            finally:
                self.guard.since = None
            if failpoints.armed:
                failpoints.hit("fin.after_reply" if ends else "claim.after_return")
            if self._patience.failures:
                self._patience.rewarded()
            self._tell(ends, turn.refused)
            self._is_called = self._in_doubt = turn.in_doubt
            return found + turn.claims

    def _turn(self, ends: Sequence[End], room: int) -> Turn:
        """One call; what it says of the wait that follows an empty one, `_wait` keeps."""
        self._will_wait = room > 0 and self._news.empty() and not self._burst
        return self._engine.exchange(
            ends, self._worker, self._queues, room, alone=self.pool.alone(), will_wait=self._will_wait
        )

    def _take_up(self, ends: Sequence[End]) -> list[Claim]:
        """After a call whose answer was lost: what the engine says is ours, and we do not know of."""
        known = {*self.pool.in_hand(), *(claim.id for claim, _ in ends)}
        found = [claim for claim in self._engine.held(self._worker) if claim.id not in known]
        self._in_doubt = False
        return found

    def _is_burst_over(self) -> bool:
        return (
            self._burst
            and not self._patience.failures
            and not self.pool.in_hand()
            and not self._engine.wait(self._queues, 0.0)
        )

    def _wait(self, room: int) -> None:
        """Until there is news; with room, until there may be something to claim, too."""
        if not room:
            self._hear_news(REST_SECONDS)
            return
        self._listening = True
        self.guard.since = clock.monotonic()
        try:
            if self._will_wait or self._news.empty():
                self._is_called = self._engine.wait(
                    self._queues, self._idle_seconds(), alone=self.pool.alone()
                )
        except EngineError as error:
            self._patience.rest(error)
        finally:
            self._listening = False
            self.guard.since = None
        self._hear_news()

    def _idle_seconds(self) -> float:
        if not self._news.empty():
            return 0.0
        return max(0.0, min(IDLE_SECONDS, self._readmission.at - clock.monotonic()))

    def _hear_news(self, seconds: float = 0.0) -> None:
        with suppress(Empty):
            self._news.get(timeout=seconds)

    def _tell(self, ends: Sequence[End], refused: Sequence[Claim]) -> None:
        events = self._app.events
        for claim in refused:
            events.emit("job.refused", claim.id, claim.message.task, attempt=claim.attempt, token=claim.token)
        for claim, outcome in ends if "job.returned" in events.heard else ():
            if outcome.state is State.READY:
                events.emit("job.returned", claim.id, claim.message.task)

    def _finish(self) -> None:
        """Give back what did not start, settle what still runs as it ends."""
        self._stopping = True
        with self.turn:
            self._exchange([*self.pool.ended(), *self.pool.drain()], 0)
        while self.pool.in_hand():
            self._hear_news(REST_SECONDS)
            with self.turn:
                if ends := self.pool.ended():
                    self._exchange(ends, 0)
        self.pool.close()
        self._exchange(self.pool.ended(), 0)
