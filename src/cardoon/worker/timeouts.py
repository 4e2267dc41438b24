"""Time limits of the running job. The keeper thread watches; the job runs in the main thread."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from cardoon.app import Cardoon
from cardoon.context import Request, current_job, running
from cardoon.engines.contract import steps
from cardoon.model import clock, outcome
from cardoon.model.errors import SoftTimeLimitExceeded, TimeLimitExceeded
from cardoon.model.job import Claim
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.worker.execution import tell_of_failure

HARD_LIMIT_EXIT = 75
"""The exit code of a process that ended itself because a job passed its hard limit."""

LastWords = Callable[[Claim, Outcome], None]


class Limits:
    """The limits of one process whose jobs run in the main thread.

    Soft: SoftTimeLimitExceeded is raised inside the task, once, wherever it is, also in a sleep. Hard:
    the job is settled as failed with TimeLimitExceeded and the process ends.
    """

    def __init__(self, app: Cardoon) -> None:
        self._app = app
        self._mutex = threading.Lock()
        self._claim: Claim | None = None
        self._soft: tuple[float, float] | None = None
        self._hard: tuple[float, float] | None = None
        self._raising = 0.0
        signal.signal(signal.SIGALRM, self._raise_soft)

    def begin(self, claim: Claim) -> None:
        """A job starts now."""
        message = claim.message
        task = self._app.tasks.find(message.task)
        declared, settings = getattr(task, "declared", None), self._app.settings
        hard = message.time_limit or getattr(declared, "time_limit", None) or settings.task_time_limit
        soft = (
            message.soft_time_limit
            or getattr(declared, "soft_time_limit", None)
            or settings.task_soft_time_limit
        )
        if hard is None and soft is None:
            return
        now = clock.monotonic()
        with self._mutex:
            self._claim = claim
            self._soft = (now + soft, soft) if soft is not None else None
            self._hard = (now + hard, hard) if hard is not None else None

    def end(self) -> None:
        """It ended."""
        self._raising = 0.0
        if self._claim is None:
            return
        with self._mutex:
            self._claim = self._soft = self._hard = None

    def enforce(self, last_words: LastWords) -> None:
        """Look at the clock; called by the keeper every few milliseconds."""
        with self._mutex:
            claim, soft, hard, now = self._claim, self._soft, self._hard, clock.monotonic()
            if claim is None:
                return
            if soft is not None and now >= soft[0]:
                self._soft, self._raising = None, soft[1]
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
            if hard is not None and now >= hard[0]:
                self._end_process(claim, hard[1], last_words)

    def _raise_soft(self, _signal: int, _frame: FrameType | None) -> None:
        """Runs in the main thread. Into a step of an engine nothing is raised: the keeper asks again."""
        if self._raising and steps.under_way:
            steps.owed = True
            return
        if self._raising and current_job().in_body:
            seconds, self._raising = self._raising, 0.0
            raise SoftTimeLimitExceeded(f"the soft time limit of {seconds:g} s passed")

    def _end_process(self, claim: Claim, seconds: float, last_words: LastWords) -> None:
        error = TimeLimitExceeded(f"the time limit of {seconds:g} s passed")
        end = outcome.failed(ErrorReport.of(error))
        try:
            with running(Request(claim)):
                tell_of_failure(self._app, claim, end, error)
            last_words(claim, end)
        finally:
            os._exit(HARD_LIMIT_EXIT)
