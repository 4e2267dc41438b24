"""The lane of `async def` tasks: one event loop in a thread of its own, thousands of jobs at once."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from cardoon.model import clock
from cardoon.model.errors import SoftTimeLimitExceeded
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome, cancelled
from cardoon.model.states import State
from cardoon.worker.coroutines import Driven, Thrown
from cardoon.worker.exits import crash
from cardoon.worker.lanes.contract import Ended
from cardoon.worker.pools.handover import taken


class InCoroutine:
    """Into a coroutine of an event loop, at the place where it waits. One object a job.

    `attempt` is what awaits the coroutine.
    """

    attempt: asyncio.Task[None]

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thrown: Thrown = []
        self._open = self._cancelled = False

    def enter(self) -> None:
        """See `MainThread.enter`: a coroutine is always open where it waits."""

    def leave(self) -> None:
        """See `MainThread.leave`."""

    async def wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Await it, so that what is asked for is raised inside."""
        self._open = True
        try:
            return await Driven(coroutine, self._thrown)
        finally:
            self._open = False

    def ask(self, reason: str) -> bool:
        """See `MainThread.ask`; from any thread."""
        self._loop.call_soon_threadsafe(self._throw, SoftTimeLimitExceeded(reason))
        return True

    def cancel(self) -> bool:
        """Raise CancelledError in it; False when that was asked before, or it ran out by itself."""
        if self._cancelled or not self._open:
            return False
        self._cancelled = True
        self._loop.call_soon_threadsafe(self.attempt.cancel)
        return True

    def judged(self, end: Outcome) -> Outcome:
        """The outcome, told by what it was: a body that fails after it was cancelled is cancelled."""
        if self._cancelled and end.state is State.FAILED:
            return cancelled("cancelled while it ran")
        return end

    def _throw(self, error: BaseException) -> None:
        if self._open:
            self._thrown.append(error)
            self.attempt.cancel()


RunOnLoop = Callable[[Claim, InCoroutine], Coroutine[Any, Any, Outcome]]


class EventLoopLane:
    """Runs claims as tasks of one loop. Its deque is emptied in the loop's thread, and by `take_back`.

    `_running` has the jobs that have a place, by id. The loop is called once for many jobs to give them one.
    """

    def __init__(self, slots: int, run: RunOnLoop, ended: Ended) -> None:
        self.slots = slots
        self.started = 0
        self._attempt = run
        self._ended = ended
        self._queue: deque[Claim] = deque()
        self._called = False
        self._running: dict[str, InCoroutine] = {}
        self._surroundings = contextvars.copy_context()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._turn, name="cardoon-event-loop", daemon=True)

    def begin(self) -> None:
        """See `Lane.begin`."""
        self._thread.start()

    def put(self, claim: Claim) -> None:
        """See `Lane.put`."""
        self._queue.append(claim)
        if not self._called:
            self._called = True
            self._loop.call_soon_threadsafe(self._fill)

    def waiting(self) -> int:
        """See `Lane.waiting`."""
        return len(self._queue)

    def take_back(self) -> list[Claim]:
        """See `Lane.take_back`."""
        return taken(self._queue)

    def cancel(self, id: str) -> bool:
        """See `Pool.cancel`: CancelledError is raised where the body waits."""
        interrupt = self._running.get(id)
        return interrupt is not None and interrupt.cancel()

    def close(self) -> None:
        """See `Lane.close`."""
        asyncio.run_coroutine_threadsafe(self._all_ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _fill(self) -> None:
        self._called = False  # first, so that what is put from now on is not overlooked
        while self._queue and len(self._running) < self.slots:
            try:
                claim = self._queue.popleft()
            except IndexError:
                return
            self.started += 1
            interrupt = self._running[claim.id] = InCoroutine(self._loop)
            interrupt.attempt = self._loop.create_task(
                self._run(claim, interrupt),
                name=f"{claim.message.task}[{claim.id}]",
                context=self._surroundings.copy(),
            )

    async def _run(self, claim: Claim, interrupt: InCoroutine) -> None:
        begun = clock.monotonic()
        try:
            outcome = await self._attempt(claim, interrupt)
        except BaseException:
            crash(claim)
        del self._running[claim.id]
        self._ended(claim, outcome, clock.monotonic() - begun)
        self._fill()

    async def _all_ended(self) -> None:
        while running := [interrupt.attempt for interrupt in self._running.values()]:
            await asyncio.wait(running)
