"""The fields of a filter: which there are, and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf
from typing import Any, cast

from cardoon.model.errors import nearest
from cardoon.model.query import moments
from cardoon.model.query.tree import Argument, Either, Names, Node, Number, Parts, Sign, Text
from cardoon.model.states import FINAL, WAITING, State

_NAMES = ("queue", "task", "worker", "id", "parent")
_NUMBERS = ("priority", "attempt", "retries", "crashes")
_MOMENTS: dict[str, Sign] = {"after": ">=", "before": "<"}
_ARGUMENTS = ("args", "kwargs")

NAMES = ("state", *_NAMES, *_MOMENTS, "duration", *_NUMBERS, "error", "args.path", "kwargs.path")

_GROUPS = {"waiting": WAITING, "final": FINAL}
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_WHOLE = re.compile(r"-?[0-9]{1,300}")
_DECIMAL = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")


class NoSuchSign(Exception):
    """The field is not compared so."""


class NoSuchValue(Exception):
    """The field has no such value."""


def known(name: str) -> bool:
    """Whether there is such a field."""
    return name in NAMES or name.partition(".")[0] in _ARGUMENTS


def read(name: str, sign: str, text: str, quoted: bool) -> Node:
    """What `name sign text` asks; raises NoSuchSign or NoSuchValue."""
    if name.partition(".")[0] in _ARGUMENTS:
        return _argument(name, cast("Sign", sign), text, quoted)
    if name == "duration":
        return _duration(sign, text)
    if name in _NUMBERS:
        return _number(name, sign, text)
    if sign != "=":
        raise NoSuchSign(f"{name} is not a number, write {name}: and the value")
    if name == "state":
        return Names("state", _states(text))
    if name in _MOMENTS:
        return _moment(name, text)
    if name == "error":
        return Text(text_parts(text, quoted), "error")
    return _name(name, text, quoted)


def joined(terms: Sequence[Node]) -> Node:
    """What a list of values of one field asks: any of them."""
    if len(terms) == 1:
        return terms[0]
    names = [term for term in terms if isinstance(term, Names)]
    if len(names) < len(terms):
        return Either(tuple(terms))
    exact = frozenset[str]().union(*(name.exact for name in names))
    return Names(names[0].field, exact, tuple(shape for name in names for shape in name.patterns))


def text_parts(text: str, quoted: bool) -> Parts:
    """The parts of a text that is looked for: between its `*`, unless it is quoted."""
    return (text,) if quoted else tuple(filter(None, text.split("*")))


def _name(name: str, text: str, quoted: bool) -> Node:
    field: Any = name
    if "*" in text and not quoted:
        return Names(field, patterns=(tuple(text.split("*")),))
    return Names(field, frozenset({text}))


def _states(text: str) -> frozenset[str]:
    if text in _GROUPS:
        return frozenset(map(str, _GROUPS[text]))
    if text in set(State):
        return frozenset({text})
    words = [state.value for state in State] + list(_GROUPS)
    near = nearest(text.lower(), words) or f" (there are {', '.join(words)})"
    raise NoSuchValue(f"there is no state {text!r}{near}")


def _moment(name: str, text: str) -> Node:
    moment = moments.moment(text)
    if moment is None:
        raise NoSuchValue(f"{text!r} is no moment: {moments.SAID_OF_MOMENTS}")
    return Number("created", _MOMENTS[name], moment)


def _duration(sign: str, text: str) -> Node:
    if sign == "=":
        raise NoSuchSign("duration is compared with >, >=, < or <=")
    seconds = moments.seconds(text)
    if seconds is None:
        raise NoSuchValue(f"{text!r} is no duration: {moments.SAID_OF_DURATIONS}")
    return Number("duration", cast("Sign", sign), seconds)


def _number(name: str, sign: str, text: str) -> Node:
    number = _decimal(text)
    if number is None:
        raise NoSuchValue(f"{name} is a number, {text!r} is none")
    field: Any = name
    return Number(field, cast("Sign", sign), float(number))


def _argument(name: str, sign: Sign, text: str, quoted: bool) -> Node:
    path = tuple(name.split("."))
    if len(path) == 1 or "" in path:
        raise NoSuchSign(f"{path[0]} needs a path, such as {path[0]}.order_id or args.0")
    number = None if quoted else _decimal(text)
    if sign != "=":
        if number is None:
            raise NoSuchValue(f"{sign} compares numbers, {text!r} is none")
        return Argument(path, sign, number)
    if "*" in text and not quoted:
        return Argument(path, parts=tuple(text.split("*")))
    as_text = Argument(path, value=text)
    if number is not None:
        return Either((as_text, Argument(path, value=number)))
    if text in _LITERALS and not quoted:
        return Either((as_text, Argument(path, value=_LITERALS[text])))
    return as_text


def _decimal(text: str) -> int | float | None:
    """A number as JSON writes it; None for anything else, and for one out of range."""
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text) if _DECIMAL.fullmatch(text) else inf
    return number if number not in (inf, -inf) else None
