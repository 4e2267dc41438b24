"""Readmission: parked jobs go back in line where a worker knows their tasks.

A process says so when it starts; it is said again for what an older worker parked since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from cardoon.engines.contract import Engine

SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 600.0


class Readmit:
    """Unparks the jobs of the tasks that the processes know.

    What comes back to be parked again, as its arguments fit no version here, is tried more and more rarely.
    """

    def __init__(self, engine: Engine, tasks: Callable[[], Collection[str]]) -> None:
        self._engine = engine
        self._tasks = tasks
        self.every = SHORTEST_SECONDS

    def run(self) -> None:
        """See `Service.run`."""
        found = self._engine.unpark(self._tasks())
        self.every = min(self.every * 2, LONGEST_SECONDS) if found else SHORTEST_SECONDS
