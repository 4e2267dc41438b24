"""How a law says what it found: a fact that does not hold raises `Broken` with both sides of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

PATIENCE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.005
_SHOWN = 300


class Broken(AssertionError):
    """The engine does not keep this law."""


def same(got: T, wanted: T, what: str = "") -> None:
    """Both are equal."""
    if got != wanted:
        raise Broken(f"{what or 'it'}: got {_shown(got)}, wanted {_shown(wanted)}")


def holds(fact: object, what: str) -> None:
    """The fact is true."""
    if not fact:
        raise Broken(f"not so: {what}")


def given(value: T | None, what: str) -> T:
    """The value, which must not be None."""
    if value is None:
        raise Broken(f"missing: {what}")
    return value


def refused(kind: type[E], call: Callable[[], object], what: str) -> E:
    """The error of this kind that the call must raise."""
    try:
        answer = call()
    except kind as error:
        return error
    raise Broken(f"not refused with {kind.__name__}: {what}; it answered {_shown(answer)}")


def until(fact: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """What `fact` answers as soon as that is true; it is asked again and again for so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        answer = fact()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Broken(f"not so within {seconds:g} s: {what}")
        time.sleep(_LOOK_AGAIN_SECONDS)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
