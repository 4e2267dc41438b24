"""Sleeping on descriptors, to the microsecond where that can be, and emptying pipes that end a sleep."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from contextlib import suppress

_SELECTABLE = 1024
"""Descriptors below this can be waited for with `select`, which knows microseconds."""


def readable(descriptors: Sequence[int], seconds: float) -> set[int]:
    """Those that have something to read, as soon as one has; none after so many seconds."""
    seconds = max(0.0, seconds)
    if max(descriptors) < _SELECTABLE:
        return set(select.select(descriptors, (), (), seconds)[0])
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    # Only whole milliseconds: rounded up, or a wait of 0.4 ms would spin.
    return {descriptor for descriptor, _ in poll.poll(int(seconds * 1000 + 0.999))}


def drain(descriptor: int) -> None:
    """Read away all that is in a pipe, which does not block."""
    with suppress(BlockingIOError):
        while len(os.read(descriptor, 4096)) == 4096:
            pass
