"""The sweep: what is due, expired, lost or old, looked after once a second, or when a silence may be over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cardoon.engines.contract import SWEEP_SECONDS, Engine
from cardoon.events import Events

SHORTEST_SECONDS = 0.05
"""Between two sweeps, however soon somebody may have been silent for long enough."""


class Sweep:
    """Sweeps the engine and tells of the workers that it found dead."""

    def __init__(
        self,
        engine: Engine,
        events: Events,
        mourn: Callable[[Sequence[str]], None],
    ) -> None:
        self._engine = engine
        self._events = events
        self._mourn = mourn
        self.every = SWEEP_SECONDS

    def run(self) -> None:
        """See `Service.run`. The dead children of a living supervisor are its own to judge: it knows more."""
        self.every = SWEEP_SECONDS
        swept = self._engine.sweep()
        self.every = max(SHORTEST_SECONDS, min(SWEEP_SECONDS, swept.again))
        for worker, retired in swept.dead.items():
            self._events.emit("worker.lost", worker=worker, returned=len(retired.returned))
            self._mourn(retired.quarantined)
