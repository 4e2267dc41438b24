"""What the units of the worker are tried on."""

from __future__ import annotations

import itertools
from typing import Any

from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.worker.death import Death

_numbers = itertools.count(1)


class StillClock:
    """Moves only when told; its chance is always the same."""

    def __init__(self) -> None:
        self.moment = 1_000.0
        self.chance = 0.5

    def time(self) -> float:
        return self.moment

    def monotonic(self) -> float:
        return self.moment

    def random(self) -> float:
        return self.chance


def claim(task: str = "tests.any", *, suspect: bool = False, **options: float) -> Claim:
    """A fresh claim."""
    id = f"job-{next(_numbers)}"
    return Claim(Message(id=id, task=task, **options), worker="w", token=1, suspect=suspect)


def death(**how: Any) -> Death:
    """The end of worker `w`, a crash unless told otherwise."""
    ended: dict[str, Any] = {
        "worker": "w",
        "name": "host/1",
        "code": 1,
        "orderly": False,
        "peak_memory": 64 * 2**20,
        "log": (),
        "stack": "",
        "deadline": (0.0, 0.0, ""),
    }
    return Death(**{**ended, **how})


class Told:
    """An interrupt that keeps what it is asked; refuses as often as it is told to."""

    def __init__(self, refuses: int = 0) -> None:
        self.reasons: list[str] = []
        self._refuses = refuses

    def enter(self) -> None:
        """A body starts."""

    def leave(self) -> None:
        """It ended."""

    def ask(self, reason: str) -> bool:
        self.reasons.append(reason)
        return len(self.reasons) > self._refuses
