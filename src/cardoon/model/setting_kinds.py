"""What a setting takes: a form in words, and a reader for Python values and for text alike.

A reader gives the value in its one true form and may be given that again. It raises ValueError or
TypeError for what does not have the form, and a ConfigurationError where it can say more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from cardoon.model.errors import ConfigurationError
from cardoon.model.options import priority
from cardoon.model.queue import Queue, check_name

_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_LEVELS = ("debug", "info", "warning", "error", "critical")
_LEVEL_ALIASES = {"warn": "warning", "fatal": "critical"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Kind(NamedTuple):
    """The form of a setting's value. None means "not given", unless `optional`: then it is a value."""

    form: str
    read: Callable[[Any], Any]
    optional: bool = False


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


def _url(value: Any) -> str:
    url = _text(value)
    if not _SCHEME.match(url):
        raise ValueError
    return url


def _flag(value: Any) -> bool:
    if isinstance(value, str):
        value = _FLAGS.get(value.strip().lower())
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ValueError


def _number(value: Any) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError
    return number


def _limit(value: Any) -> float | None:
    return None if value is None else _number(value) or None


def _whole(value: Any) -> int:
    number = _number(value)
    if isinstance(value, timedelta) or number != int(number):
        raise ValueError
    return int(number)


def _bytes(value: Any) -> int:
    return _whole(value) or _refuse()


def _processes(value: Any) -> int | None:
    return None if value is None else _whole(value) or None


def _priority(value: Any) -> int:
    return priority(int(value) if isinstance(value, str) else value)


def _refuse() -> int:
    raise ValueError


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable) or isinstance(value, (bytes, Mapping)):
        raise TypeError
    return tuple(name for name in map(_text, value) if name)


def _content(value: Any) -> tuple[str, ...]:
    return tuple(name.removeprefix("application/").removeprefix("x-") for name in _names(value))


def _queues(value: Any) -> tuple[Queue, ...]:
    if isinstance(value, str):
        value = _names(value)
    if not isinstance(value, Iterable):
        raise TypeError
    queues = tuple(map(_queue, value))
    for queue in queues:
        if sum(other.name == queue.name for other in queues) > 1:
            raise ConfigurationError(f"the queue {queue.name!r} is declared twice")
    return queues


def _queue(value: Any) -> Queue:
    """A Queue, its name, or an object of another library with a `name`, such as kombu's."""
    return value if isinstance(value, Queue) else Queue(_text(getattr(value, "name", value)))


def _zone(value: Any) -> str:
    """The name of a time zone; also of a `ZoneInfo` (its `key`) and of pytz (its `zone`)."""
    name = _text(getattr(value, "key", None) or getattr(value, "zone", None) or value)
    if name == "UTC":
        return name
    from zoneinfo import ZoneInfo  # here, because nearly nobody needs its import at start

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(
            f"no time zone {name!r} is known here; write for example 'Europe/Berlin'"
        ) from None
    return name


def _level(value: Any) -> str:
    level = _text(value).lower()
    level = _LEVEL_ALIASES.get(level, level)
    if level not in _LEVELS:
        raise ValueError
    return level


def one_of(*words: str) -> Kind:
    """The kind of a setting that takes one of a few words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return Kind(" or ".join(map(repr, words)), read)


TEXT = Kind("text", _text)
URL = Kind("an address such as sqlite:///jobs.db", _url)
FLAG = Kind("true or false (also 1/0, yes/no, on/off)", _flag)
SECONDS = Kind("seconds or a timedelta", _number)
LIMIT = Kind("seconds or a timedelta (0: none)", _limit, optional=True)
BYTES = Kind("a number of bytes above 0", _bytes)
PROCESSES = Kind("a number of processes (0: as many as CPUs)", _processes, optional=True)
PRIORITY = Kind("a whole number from 0 (first) to 9", _priority)
NAMES = Kind("names, separated by commas when written as text", _names)
CONTENT = Kind("names of serializers, separated by commas when written as text", _content)
QUEUE_NAME = Kind("the name of a queue", lambda value: check_name(_text(value)))
QUEUES = Kind("queues or their names, separated by commas when written as text", _queues)
ZONE = Kind("the name of a time zone, such as Europe/Berlin", _zone)
LEVEL = Kind(f"one of {', '.join(_LEVELS)}", _level)
