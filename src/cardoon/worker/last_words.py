"""The end of a process by its own hand: for a job that passed its hard limit, or that is to be ended."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from cardoon.app import Cardoon
from cardoon.context import Request, running
from cardoon.engines.contract import CALL_SECONDS, End
from cardoon.model import flow, outcome
from cardoon.model.errors import EngineError, TaskRevokedError, TimeLimitExceeded
from cardoon.model.job import Claim
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.worker import exits
from cardoon.worker.execution import tell_of_failure
from cardoon.worker.loop import Loop

log = logging.getLogger("cardoon.worker")

Others = Callable[[], list[End]]


class LastWords:
    """Settles all that this process has in hand, in one step, and ends it: a thread cannot be ended.

    `others` says how the other claims in hand end.
    """

    def __init__(self, app: Cardoon, loop: Loop) -> None:
        self._app = app
        self._loop = loop

    def over_time(self, claim: Claim, seconds: float, others: Others) -> None:
        """Fail this job with TimeLimitExceeded. Does not return."""
        error = TimeLimitExceeded(f"the time limit of {seconds:g} s passed")
        follow = flow.after_failure(claim.message)
        self._end(claim, outcome.failed(ErrorReport.of(error), follow), error, others)

    def cancelled(self, claim: Claim, others: Others) -> None:
        """Cancel this job, which runs. Does not return."""
        error = TaskRevokedError("cancelled while it ran")
        self._end(claim, outcome.cancelled(str(error)), error, others)

    def _end(self, claim: Claim, end: Outcome, error: Exception, others: Others) -> None:
        self._loop.turn.acquire(timeout=CALL_SECONDS)
        try:
            with running(Request(claim)):
                tell_of_failure(self._app, claim, end, error)
        except BaseException:
            log.exception("telling of the end of %s failed; the end stands", claim.id)
        try:
            self._loop.settle([(claim, end), *others()])
        except EngineError as failure:
            # Its supervisor reads the slate, and settles it as soon as the engine is back.
            log.warning("the end of %s could not be settled (%s); its supervisor will", claim.id, failure)
        finally:
            logging.shutdown()
            os._exit(exits.PASSED_LIMIT)
