"""Waiting for facts, never for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LOOK_EVERY = 0.02


def until(fact: Callable[[], T], seconds: float = 60.0, *, what: str = "") -> T:
    """What `fact` answers as soon as that is true; fails after `seconds`, saying what was waited for."""
    deadline = time.monotonic() + seconds
    while not (answer := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or fact}")
        time.sleep(_LOOK_EVERY)
    return answer
