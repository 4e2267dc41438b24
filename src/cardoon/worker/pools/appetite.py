"""How many claims a mixed pool takes: its free places, and of short jobs a few more."""

from __future__ import annotations

from cardoon.model import clock

AHEAD_SECONDS = 0.05
"""For so long the places are to be busy with what is claimed ahead."""
LARGEST = 256
PAUSE_SECONDS, USUAL_PAUSE_SECONDS = 0.05, 1.0
GIVEN_BACK_A_SECOND = 64
"""No more claims than that go back, if it lasts: each costs the engine two writes."""


class Appetite:
    """Learns how long jobs take. When claims had to go back, as they fitted no free place, it looks deeper
    into the line for some that do, and less often, until a while has passed without. Meanwhile it claims one
    for each place that becomes free: the next in line is mostly of the kind that ended.
    """

    def __init__(self) -> None:
        self._seconds = 1.0
        self._freed = self._deeper = 0
        self._pause = self._until = 0.0

    def learn(self, seconds: float) -> None:
        """A job took so long."""
        self._seconds += (seconds - self._seconds) / 8

    def freed(self, count: int) -> None:
        """So many places became free."""
        self._freed += count

    def took(self, count: int) -> None:
        """So many were claimed."""
        self._freed = max(0, self._freed - count)

    def spoil(self, count: int) -> None:
        """So many claims went back."""
        self._deeper = min(LARGEST, 2 * max(count, self._deeper))
        self._pause = min(self._pause * 2 or PAUSE_SECONDS, USUAL_PAUSE_SECONDS)
        self._until = clock.monotonic() + max(self._pause, count / GIVEN_BACK_A_SECOND)

    def room(self, slots: int, in_hand: int) -> int:
        """How many to claim with so many places and so many claims that have not ended."""
        if self._pause:
            self._recover(clock.monotonic() - self._until)
        if self._pause and clock.monotonic() < self._until:
            return max(0, min(slots - in_hand, self._freed))
        ahead = max(self._deeper, min(int(slots * AHEAD_SECONDS / max(self._seconds, 1e-6)), LARGEST))
        return max(0, min(slots + ahead - in_hand, LARGEST))

    def _recover(self, since: float) -> None:
        if since > 2 * USUAL_PAUSE_SECONDS:
            self._deeper, self._pause = 0, 0.0
