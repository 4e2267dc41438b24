"""How many jobs to claim at once: one while they are long or few, many while they are short."""

from __future__ import annotations

TARGET_SECONDS = 0.02
LARGEST = 256


class Batch:
    """The size of the next batch, so that it takes about 20 ms; grows at most twofold a step."""

    def __init__(self) -> None:
        self.size = 1

    def learn(self, jobs: int, seconds: float) -> None:
        """Take in that so many jobs took so long."""
        if not jobs:
            return
        fitting = int(TARGET_SECONDS / max(seconds / jobs, 1e-6))
        self.size = max(1, min(fitting, self.size * 2, LARGEST))
