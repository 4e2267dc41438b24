"""The one door to time and chance, so that a test can move the one and fix the other."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol


class Source(Protocol):
    """Where the moments and the chances come from."""

    def time(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    def random(self) -> float:
        """A chance in [0, 1)."""
        ...


class _System:
    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def random() -> float:
        return int.from_bytes(os.urandom(7), "big") / 2**56

    time = staticmethod(time.time)


_source: Source = _System()


def now() -> float:
    """Seconds since the epoch, UTC."""
    return _source.time()


def shift() -> float:
    """How far the source in force stands from the system's wall clock, in seconds; 0.0 but in tests."""
    return 0.0 if isinstance(_source, _System) else _source.time() - time.time()


def monotonic() -> float:
    """Seconds that never run backwards; only differences mean anything."""
    return _source.monotonic()


def full_jitter(ceiling: float) -> float:
    """A delay drawn evenly from [0, ceiling]: what keeps retries of many jobs apart."""
    return _source.random() * ceiling


def sleep(seconds: float) -> None:
    """Do nothing for so long; in the worker only, between two tries to reach an engine."""
    time.sleep(seconds)


_tails: list[str] = []
"""Random ends of ids, drawn from the system many at a time; a forked process begins without any."""
os.register_at_fork(after_in_child=_tails.clear)
_ID = "%08x-%04x-7%03x-%s"
_MANY = 128
_VARIANT = int.from_bytes(b"\x80\x00" * _MANY, "big")
_CHANCE = int.from_bytes(b"\x3f\xff" * _MANY, "big")


def _fresh_tail() -> str:
    """The last two groups of an id: the variant and 62 random bits; others are kept for the next ids."""
    variants = int.from_bytes(os.urandom(2 * _MANY), "big") & _CHANCE | _VARIANT
    groups = variants.to_bytes(2 * _MANY, "big").hex("-", 2).split("-")
    nodes = os.urandom(6 * _MANY).hex("-", 6).split("-")
    _tails.extend(map("-".join, zip(groups[1:], nodes[1:], strict=True)))
    return f"{groups[0]}-{nodes[0]}"


def new_id() -> str:
    """A fresh job id: UUIDv7 (RFC 9562), so that ids sort by the moment they were made.

    The 12 bits below the millisecond come from the same clock (method 3 of section 6.2).
    """
    ticks = int(_source.time() * 4_096_000)
    try:
        tail = _tails.pop()
    except IndexError:
        tail = _fresh_tail()
    return _ID % (ticks >> 28, ticks >> 12 & 0xFFFF, ticks & 0xFFF, tail)


def as_datetime(moment: float) -> datetime:
    """The aware UTC datetime of a moment."""
    return datetime.fromtimestamp(moment, UTC)


@contextmanager
def use(source: Source) -> Generator[None]:
    """Take time and chance from `source` inside the block; for tests, not thread-local."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
