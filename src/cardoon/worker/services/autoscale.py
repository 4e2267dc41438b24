"""Autoscaling: more processes while jobs wait, fewer after a while without."""

from __future__ import annotations

from collections.abc import Callable

from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.states import State

KEEP_SECONDS = 30.0
"""So long nothing must have waited before a process is let go."""


class Autoscale:
    """Asks for a number of processes between `least` and `most`; one more or less at a look."""

    every = 1.0

    def __init__(
        self,
        engine: Engine,
        queues: list[str] | None,
        resize: Callable[[int], None],
        most: int,
        least: int,
    ) -> None:
        self._engine = engine
        self._queues = queues
        self._resize = resize
        self._most = most
        self._least = least
        self._size = least
        self._wanted_at = clock.monotonic()

    def run(self) -> None:
        """See `Service.run`."""
        counts = self._engine.count(self._queues).values()
        if any(states.get(State.READY, 0) for states in counts):
            self._wanted_at = clock.monotonic()
            self._ask_for(min(self._size + 1, self._most))
        elif clock.monotonic() - self._wanted_at > KEEP_SECONDS:
            self._wanted_at = clock.monotonic()
            self._ask_for(max(self._size - 1, self._least))

    def _ask_for(self, size: int) -> None:
        if size != self._size:
            self._size = size
            self._resize(size)
