"""A clock that stands still until it is moved: the same calls write the same rows."""

from __future__ import annotations

import time

START = 1_800_000_000.0


class StillClock:
    """Wall time stands still; the monotonic one, by which engines give up waiting, runs."""

    def __init__(self, now: float = START, *, lived: float = 0.0) -> None:
        self.now = now
        self.lived = lived

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return time.monotonic() + self.lived

    def random(self) -> float:
        return 0.5
