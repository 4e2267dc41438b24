"""What a mixed pool asks of a lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome

Ended = Callable[[Claim, Outcome, float], None]
"""Hears of each end, with the seconds that the attempt took; from any thread."""


class Lane(Protocol):
    """Runs claims in `slots` places at once, in the order in which they were put; the others wait."""

    slots: int
    started: int
    """How many it has started, ever."""

    def begin(self) -> None:
        """Start its threads."""
        ...

    def put(self, claim: Claim) -> None:
        """Run this one as soon as a place is free."""
        ...

    def waiting(self) -> int:
        """How many have no place yet."""
        ...

    def take_back(self) -> list[Claim]:
        """Those that have no place yet, and will not get one; each goes to one caller or to a place."""
        ...

    def cancel(self, id: str) -> bool:
        """See `Pool.cancel`."""
        ...

    def close(self) -> None:
        """Wait for what runs, let go of threads."""
        ...
