"""The sweep: what is due, expired, lost or old, looked after about once a second."""

from __future__ import annotations

from collections.abc import Callable

from cardoon.engines.contract import SWEEP_SECONDS, Engine
from cardoon.events import Events


class Sweep:
    """Sweeps the engine and tells of the workers that it found dead."""

    every = SWEEP_SECONDS

    def __init__(self, engine: Engine, events: Events, find_dead: Callable[[], None]) -> None:
        self._engine = engine
        self._events = events
        self._find_dead = find_dead

    def run(self) -> None:
        """See `Service.run`. Its own dead children are their supervisor's to judge, who knows more."""
        self._find_dead()
        for worker, retired in self._engine.sweep().dead.items():
            self._events.emit("worker.lost", worker=worker, returned=len(retired.returned))
            for id in retired.quarantined:
                self._events.emit("job.quarantined", id, worker=worker)
