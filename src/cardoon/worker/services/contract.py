"""A service: something to do every few seconds."""

from __future__ import annotations

from typing import Protocol


class Service(Protocol):
    """`every` seconds, plus a little jitter, the supervisor calls `run`."""

    every: float

    def run(self) -> None:
        """Do it once; an EngineError is logged and tried again next time."""
        ...
