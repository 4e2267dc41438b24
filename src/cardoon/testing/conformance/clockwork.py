"""A clock that a law can move."""

from __future__ import annotations

import random
import time


class MovableClock:
    """The system's time, moved by as much as was asked for. See `cardoon.model.clock.Source`."""

    def __init__(self) -> None:
        self._wall = 0.0
        self._steady = 0.0

    def time(self) -> float:
        """Seconds since the epoch, moved."""
        return time.time() + self._wall

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic() + self._steady

    def random(self) -> float:
        """A chance; laws want none of their own."""
        return random.random()

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or a time server does."""
        self._wall += seconds

    def live(self, seconds: float) -> None:
        """Let so many seconds pass, on every clock."""
        self._wall += seconds
        self._steady += seconds
