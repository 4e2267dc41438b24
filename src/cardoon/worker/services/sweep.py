"""The sweep: what is due, expired, lost or old, looked after about once a second."""

from __future__ import annotations

from cardoon.engines.contract import SWEEP_SECONDS, Engine
from cardoon.events import Events


class Sweep:
    """Sweeps the engine and tells of the workers that it found dead."""

    every = SWEEP_SECONDS

    def __init__(self, engine: Engine, events: Events) -> None:
        self._engine = engine
        self._events = events

    def run(self) -> None:
        """See `Service.run`."""
        for worker, retired in self._engine.sweep().dead.items():
            self._events.emit("worker.lost", worker=worker, returned=len(retired.returned))
            for id in retired.quarantined:
                self._events.emit("job.quarantined", id, worker=worker)
