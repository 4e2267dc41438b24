"""The sweep: what is due, expired, lost or old, looked after about once a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cardoon.engines.contract import SWEEP_SECONDS, Engine
from cardoon.events import Events


class Sweep:
    """Sweeps the engine and tells of the workers that it found dead."""

    every = SWEEP_SECONDS

    def __init__(
        self,
        engine: Engine,
        events: Events,
        mourn: Callable[[Sequence[str]], None],
    ) -> None:
        self._engine = engine
        self._events = events
        self._mourn = mourn

    def run(self) -> None:
        """See `Service.run`. The dead children of a living supervisor are its own to judge: it knows more."""
        for worker, retired in self._engine.sweep().dead.items():
            self._events.emit("worker.lost", worker=worker, returned=len(retired.returned))
            self._mourn(retired.quarantined)
