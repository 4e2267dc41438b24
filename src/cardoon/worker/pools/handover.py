"""Taking over what several threads take from: each item goes to exactly one of them."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def taken(shared: deque[T]) -> list[T]:
    """All that is in it now, oldest first; what another thread was faster to take is not among it."""
    items: list[T] = []
    with suppress(IndexError):
        while True:
            items.append(shared.popleft())
    return items
