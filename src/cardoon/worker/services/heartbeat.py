"""The heartbeat: one call that says which workers live, from a process that no task can block."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from cardoon.engines.contract import BEAT_SECONDS, Engine
from cardoon.model.job import Report


class Heartbeat:
    """Beats for all children of a supervisor; `lost` hears of those that were retired meanwhile."""

    every = BEAT_SECONDS

    def __init__(
        self, engine: Engine, reports: Callable[[], Iterable[Report]], lost: Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._reports = reports
        self._lost = lost
        self._beats = 0

    def run(self) -> None:
        """See `Service.run`."""
        self._beats += 1
        reports = [msgspec.structs.replace(r, beats=self._beats) for r in self._reports()]
        for worker in self._engine.beat(reports) if reports else ():
            self._lost(worker)
