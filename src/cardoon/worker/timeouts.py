"""Time limits of running jobs. The keeper's thread watches them, whatever the jobs do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from cardoon import context
from cardoon.app import Cardoon
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.worker.slate import NO_DEADLINE, Slate

Seconds = tuple[float | None, float | None]
"""A hard and a soft limit."""


class Interrupt(context.Interrupt, Protocol):
    """A way to raise SoftTimeLimitExceeded inside a running body; see `interrupts`."""

    def ask(self, reason: str) -> bool:
        """Raise it soon; False when now is no moment for it."""
        ...


class Watched:
    """One running job with a limit."""

    __slots__ = ("claim", "hard", "interrupt", "limits", "soft")

    def __init__(self, claim: Claim, limits: Seconds, interrupt: Interrupt) -> None:
        hard, soft = self.limits = limits
        now = clock.monotonic()
        self.claim = claim
        self.hard = None if hard is None else now + hard
        self.soft = None if soft is None else now + soft
        self.interrupt = interrupt


class Limits:
    """The limits of all jobs that run in this process.

    Soft: SoftTimeLimitExceeded is raised inside the task, once. Hard: the process ends, by its own hand
    while it can (`overdue`), else by its supervisor, who reads the deadline from the slate.
    """

    def __init__(self, app: Cardoon, slate: Slate | None = None) -> None:
        self._app = app
        self._slate = slate
        self._mutex = threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._declared: dict[str, Seconds] = {}

    def begin(self, claim: Claim, interrupt: Interrupt) -> bool:
        """A job starts now; whether it has a limit."""
        message = claim.message
        declared = self._declared.get(message.task) or self._declared_by(message.task)
        limits = message.time_limit or declared[0], message.soft_time_limit or declared[1]
        if limits == (None, None):
            return False
        with self._mutex:
            self._watched[claim.id] = Watched(claim, limits, interrupt)
            self._chalk()
        return True

    def end(self, claim: Claim) -> None:
        """It ended."""
        if claim.id not in self._watched:
            return
        with self._mutex:
            del self._watched[claim.id]
            self._chalk()

    def overdue(self) -> tuple[Claim, float] | None:
        """Look at the clock: raise the soft limits that passed; a job that passed its hard one, and that."""
        if not self._watched:
            return None
        now = clock.monotonic()
        with self._mutex:
            for watched in self._watched.values():
                if watched.hard is not None and now >= watched.hard:
                    return watched.claim, watched.limits[0] or 0.0
                if watched.soft is not None and now >= watched.soft:
                    self._soften(watched)
        return None

    def _soften(self, watched: Watched) -> None:
        if watched.interrupt.ask(f"the soft time limit of {watched.limits[1]:g} s passed"):
            watched.soft = None

    def _declared_by(self, name: str) -> Seconds:
        """What the task or else the settings say, remembered: neither changes while a worker runs."""
        declared, settings = getattr(self._app.tasks.find(name), "declared", None), self._app.settings
        found = self._declared[name] = (
            getattr(declared, "time_limit", None) or settings.task_time_limit,
            getattr(declared, "soft_time_limit", None) or settings.task_soft_time_limit,
        )
        return found

    def _chalk(self) -> None:
        """Write the nearest hard limit where the supervisor sees it even when this process is stuck."""
        if self._slate is not None:
            self._slate.deadline = min(self._deadlines(), default=NO_DEADLINE)

    def _deadlines(self) -> Iterator[tuple[float, float, str]]:
        for watched in self._watched.values():
            if watched.hard is not None:
                yield watched.hard, watched.limits[0] or 0.0, watched.claim.id
