"""Readmission: parked jobs go back in line where a process knows their tasks.

It happens right before that process claims, so that an older worker, which would park them again, mostly
comes too late.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from cardoon.engines.contract import End, Engine
from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.model.states import State

log = logging.getLogger("cardoon.worker")

SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 600.0
SOON_SECONDS = 0.2


class Readmission:
    """Lets the parked jobs of these tasks wait again; `at` is its next moment (monotonic), at first at once.

    Those that are `back` may have gone to an older worker all the same, so it tries again soon. It looks at
    what ends: if this process itself parks one of them, as its arguments fit no version here, they are tried
    more and more rarely.
    """

    def __init__(self, engine: Engine, tasks: Collection[str]) -> None:
        self._engine = engine
        self._tasks = tasks
        self._every = SHORTEST_SECONDS
        self._in_vain = False
        self.back = False
        self.at = clock.monotonic()

    def run(self) -> None:
        """Let them wait again; an engine that is away is asked again later."""
        try:
            self.back = self._engine.unpark(list(self._tasks)) > 0
        except EngineError as error:
            log.debug("parked jobs could not be readmitted yet: %s", error)
        self._every = self._next()
        self._in_vain = False
        self.at = clock.monotonic() + self._every

    def _next(self) -> float:
        if not self.back:
            return SHORTEST_SECONDS
        if self._in_vain:
            return min(2 * max(self._every, SHORTEST_SECONDS), LONGEST_SECONDS)
        return min(2 * self._every, SHORTEST_SECONDS) if self._every < SHORTEST_SECONDS else SOON_SECONDS

    def look(self, ends: Iterable[End]) -> None:
        """At how attempts ended that may have been readmitted."""
        if any(
            outcome.state is State.PARKED and claim.message.task in self._tasks for claim, outcome in ends
        ):
            self._in_vain = True
