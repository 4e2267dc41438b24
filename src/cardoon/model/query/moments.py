"""Moments and durations as people write them in a filter."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from cardoon.model import clock

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|s|m|h|d|w)?")

SAID_OF_MOMENTS = "write an ISO date or time, or how long ago: 30m, 2h, 7d"
SAID_OF_DURATIONS = "write seconds, or 500ms, 30s, 5m, 2h, 7d"


def seconds(text: str) -> float | None:
    """A duration; without a unit it is in seconds. None for what is none."""
    found = _DURATION.fullmatch(text)
    return None if found is None else float(found[1]) * UNITS[found[2] or "s"]


def moment(text: str) -> float | None:
    """A moment, seconds since the epoch: an ISO date or time, or a duration ago. None for what is none.

    Where no offset is said, it is meant in the local time zone; a date is its first moment, a time alone
    is today's.
    """
    if text[-1:] in UNITS and not text[-1:].isdigit():
        ago = seconds(text)
        return None if ago is None else clock.now() - ago
    try:
        return _written(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _written(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        today = datetime.fromtimestamp(clock.now(), UTC).astimezone()
        at = time.fromisoformat(text)
        return datetime.combine(today if at.tzinfo is None else today.astimezone(at.tzinfo), at)
