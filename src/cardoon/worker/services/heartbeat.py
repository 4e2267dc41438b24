"""The heartbeat: one call that says which workers live, from a process that no task can block."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from cardoon import failpoints
from cardoon.engines.contract import BEAT_SECONDS, Engine, Heard
from cardoon.model.job import Report


class Heartbeat:
    """Beats for all children of a supervisor; `told` gets what the engine has to say to them."""

    every = BEAT_SECONDS

    def __init__(
        self, engine: Engine, reports: Callable[[], Iterable[Report]], told: Callable[[Heard], None]
    ) -> None:
        self._engine = engine
        self._reports = reports
        self._told = told
        self._beats = 0

    def run(self) -> None:
        """See `Service.run`."""
        self._beats += 1
        reports = [msgspec.structs.replace(r, beats=self._beats) for r in self._reports()]
        if not reports:
            return
        if failpoints.armed:
            failpoints.hit("hb.before")
        heard = self._engine.beat(reports)
        if failpoints.armed:
            failpoints.hit("hb.after")
        self._told(heard)
