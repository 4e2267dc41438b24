"""What the floor of an engine does: the same work as ours with the driver alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from cardoon.model import clock

Row = tuple[str, bytes]
Job = tuple[Any, str]
"""How the floor names a job, and its body."""

End = tuple[str, float, float, Any]
"""A result, when the job started and finished, and how the floor names it."""


class Floor(Protocol):
    """One connection. `address` is a file or the URL of a server, `profile` one of Cardoon's."""

    sentence: ClassVar[str]
    """What it does, for the page."""

    def __init__(self, address: str, profile: str = "durable") -> None: ...

    def make(self) -> None:
        """Empty tables or lists; what was there is gone."""
        ...

    def insert(self, row: Row) -> None:
        """Store one row."""
        ...

    def insert_job(self, row: Row) -> None:
        """Store one job so that it can be claimed by its queue and priority, in order, and once only."""
        ...

    def insert_many(self, rows: Sequence[Row]) -> None:
        """Store these rows in the quickest way that the driver has."""
        ...

    def fill(self, jobs: Sequence[Row]) -> None:
        """Let these jobs wait."""
        ...

    def exchange(self, ends: Sequence[End], batch: int) -> list[Job]:
        """Store these ends and claim up to so many jobs, in one step."""
        ...

    def ask(self) -> None:
        """Store one job and wake the process that answers."""
        ...

    def hear(self) -> float:
        """Wait for the answer: when the job started."""
        ...

    def answer(self) -> None:
        """Be the process that answers, for ever: a write to claim, a write to finish."""
        ...

    def bytes_used(self) -> int:
        """What all that is stored where the floor is takes, ours too."""
        ...

    def close(self) -> None: ...


def rows(number: int, size: int) -> list[Row]:
    """So many rows that take `size` bytes each."""
    ids = [clock.new_id() for _ in range(number)]
    return [(id, bytes(max(1, size - len(id)))) for id in ids]
