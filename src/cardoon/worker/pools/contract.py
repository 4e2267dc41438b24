"""What the loop asks of a pool."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from cardoon.engines.contract import End
from cardoon.model.job import Claim

Settle = Callable[[Sequence[End]], None]
Rouse = Callable[[], None]
"""Tells the loop that there is news, from any thread."""


class Pool(Protocol):
    """Runs claims. The loop asks for `room`, starts that many, and hands on what `ended`."""

    def room(self) -> int:
        """How many claims it would take now."""
        ...

    def alone(self) -> bool:
        """Whether it runs nothing now, so that a suspect may be claimed for it."""
        ...

    def start(self, claims: Sequence[Claim]) -> None:
        """Take these claims; may return before or after they ended."""
        ...

    def ended(self) -> list[End]:
        """The ends since it was last asked."""
        ...

    def in_hand(self) -> Collection[str]:
        """The ids of the claims that it took and whose ends it has not handed on."""
        ...

    def part_with(self, id: str) -> tuple[Claim, Callable[[], list[End]]] | None:
        """As the process ends for this job: its claim, and what tells how all others end; None when it
        does not run.
        """
        ...

    def cancel(self, id: str) -> bool:
        """Ask this job to end, where a job can be asked: whether it was, for the first time."""
        ...

    def drain(self) -> list[End]:
        """Start nothing more: the claims that had not started, as returned."""
        ...

    def close(self) -> None:
        """Nothing will be started any more: wait for what runs, let go of threads."""
        ...
