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


class Readmission:
    """Lets the parked jobs of these tasks wait again; `at` is its next moment (monotonic), at first at once.

    While some are `back`, it looks at what ends: if this process itself parks one of them, as its arguments
    fit no version here, they are tried more and more rarely.
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
        self._every = min(self._every * 2, LONGEST_SECONDS) if self._in_vain else SHORTEST_SECONDS
        self._in_vain = False
        self.at = clock.monotonic() + self._every

    def look(self, ends: Iterable[End]) -> None:
        """At how attempts ended that may have been readmitted."""
        if any(
            outcome.state is State.PARKED and claim.message.task in self._tasks for claim, outcome in ends
        ):
            self._in_vain = True
