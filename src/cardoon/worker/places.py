"""Where the jobs of a process run: in the main thread alone, or in lanes beside each other."""

from __future__ import annotations

import threading
from typing import Any

from cardoon.app import Cardoon
from cardoon.model.job import Claim
from cardoon.worker.attempts import Attempts
from cardoon.worker.execution import fits_event_loop
from cardoon.worker.interrupts import MainThread
from cardoon.worker.lanes.contract import Lane
from cardoon.worker.lanes.threads import ThreadLane
from cardoon.worker.last_words import LastWords
from cardoon.worker.loop import Loop
from cardoon.worker.plan import Plan
from cardoon.worker.pools.mixed import MixedPool
from cardoon.worker.pools.solo import SoloPool
from cardoon.worker.timeouts import Limits

SOLO, THREADS, ASYNC = "solo", "threads", "async"
THREADS_BESIDE_A_LOOP = 8
"""How many threads serve the `def` tasks of a process with an event loop, unless it is said."""


class Places:
    """Gives the loop its pool; `run` runs both until the loop ends."""

    def __init__(
        self,
        plan: Plan,
        app: Cardoon,
        loop: Loop,
        attempts: Attempts,
        limits: Limits,
        last_words: LastWords,
    ) -> None:
        self._app = app
        self._loop = loop
        self._attempts = attempts
        self._limits = limits
        self._last_words = last_words
        self._lanes: dict[str, Lane] = {}
        self._main: ThreadLane | None = None
        self._failure: BaseException | None = None
        loop.pool = self._mixed(plan) if plan.threads or plan.coroutines else self._solo()

    def run(self) -> None:
        """Until the loop has been told to stop and everything has ended.

        Beside lanes the loop has a thread of its own: the main thread serves the tasks that ask for it.
        """
        if self._main is None:
            self._loop.run()
            return
        for lane in self._lanes.values():
            lane.begin()
        threading.Thread(target=self._run_loop, args=(self._main,), name="cardoon-loop", daemon=True).start()
        self._main.serve(MainThread())
        if self._failure is not None:
            raise self._failure

    def _run_loop(self, main: ThreadLane) -> None:
        """What the loop raises is raised by the main thread, when that has ended what it runs."""
        try:
            self._loop.run()
        except BaseException as error:
            self._failure = error
            main.close()

    def _solo(self) -> SoloPool:
        loop = self._loop
        run = self._attempts.run_in(MainThread())
        return SoloPool(run, self._limits, loop.settle, loop.rouse, self._last_words)

    def _mixed(self, plan: Plan) -> MixedPool:
        loop = self._loop
        pool = MixedPool(
            self._lanes, self._lane_of, self._limits, loop.rouse, self._last_words, loop.withdrawal.look
        )
        attempts, threads = self._attempts, plan.threads or THREADS_BESIDE_A_LOOP
        self._main = ThreadLane(1, attempts.run_in, pool.over, served=True)
        self._lanes |= {SOLO: self._main, THREADS: ThreadLane(threads, attempts.run_in, pool.over)}
        if plan.coroutines:
            # Here, so that a worker without an event loop does not pay for asyncio as it starts.
            from cardoon.worker.lanes.event_loop import EventLoopLane

            self._lanes[ASYNC] = EventLoopLane(plan.coroutines, attempts.run_on_loop, pool.over)
        pool.count({self._lane_for(self._app.tasks[name]) for name in self._app.tasks})
        return pool

    def _lane_of(self, claim: Claim) -> str:
        return self._lane_for(self._app.tasks.find(claim.message.task))

    def _lane_for(self, task: Any) -> str:
        """Where a task wants to run, if that can be; else the loop for coroutines, threads for the rest."""
        wanted = getattr(getattr(task, "declared", None), "pool", None)
        if wanted in (SOLO, THREADS):
            return str(wanted)
        return ASYNC if ASYNC in self._lanes and fits_event_loop(self._app, task) else THREADS
