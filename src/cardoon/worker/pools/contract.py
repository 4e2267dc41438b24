"""What the loop asks of a pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cardoon.engines.contract import End
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome

Execute = Callable[[Claim], Outcome]
Settle = Callable[[Sequence[End]], None]


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

    def drain(self) -> list[End]:
        """Start nothing more: the claims that had not started, as returned."""
        ...

    def close(self) -> None:
        """Nothing will be started any more: wait for what runs, let go of threads."""
        ...
