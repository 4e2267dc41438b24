"""Ends in good order: whatever stops a demo, what it made is taken away first."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_LEAVE = (signal.SIGTERM, signal.SIGHUP)
_DISTURB = (signal.SIGINT, *_LEAVE)


@contextmanager
def orderly_end() -> Generator[None]:
    """Let TERM and HUP leave the block as an exception, as Ctrl-C does."""
    before = {number: signal.signal(number, _leave) for number in _LEAVE}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Generator[None]:
    """Hold such signals back until the block is done, so that a second Ctrl-C does not spoil the first."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _DISTURB)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
