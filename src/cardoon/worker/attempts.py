"""One attempt in its place: under its limits, with its log, from claim to outcome."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING

import msgspec

from cardoon import failpoints
from cardoon.app import Cardoon
from cardoon.context import Surroundings
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome
from cardoon.worker.execution import execute, execute_async
from cardoon.worker.job_log import JobLog
from cardoon.worker.timeouts import Interrupt, Limits

if TYPE_CHECKING:
    from cardoon.worker.lanes.event_loop import InCoroutine

Run = Callable[[Claim], Outcome]


class Attempts:
    """Runs attempts, one after the other in each thread, many at once on an event loop."""

    def __init__(self, app: Cardoon, limits: Limits, log: JobLog, here: Surroundings) -> None:
        self._app = app
        self._limits = limits
        self._log = log
        self._here = here

    def run_in(self, interrupt: Interrupt) -> Run:
        """What runs claims in the thread that this interrupt reaches."""
        app, limits, log = self._app, self._limits, self._log
        free = self._here
        limited = msgspec.structs.replace(free, interrupt=interrupt)

        def run(claim: Claim) -> Outcome:
            started = clock.now()
            if failpoints.armed:
                failpoints.hit("run.before_body")
            here = limited if limits.begin(claim, interrupt) else free
            try:
                end = copy_context().run(execute, app, claim, here)
            finally:
                limits.end(claim)
            if failpoints.armed:
                failpoints.hit("run.after_body")
            return msgspec.structs.replace(end, started=started, log=log.take(claim.id) if log.lines else ())

        return run

    async def run_on_loop(self, claim: Claim, interrupt: InCoroutine) -> Outcome:
        """The same on an event loop."""
        started = clock.now()
        if failpoints.armed:
            failpoints.hit("run.before_body")
        log = self._log
        self._limits.begin(claim, interrupt)
        try:
            end = interrupt.judged(await execute_async(self._app, claim, self._here, interrupt.wait))
        finally:
            self._limits.end(claim)
        if failpoints.armed:
            failpoints.hit("run.after_body")
        return msgspec.structs.replace(end, started=started, log=log.take(claim.id) if log.lines else ())
