"""Whether a job is what a filter asks for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from cardoon.model import message as envelope
from cardoon.model.job import Job
from cardoon.model.message import Unreadable
from cardoon.model.query.tree import Argument, Either, Every, Names, Node, Not, Number, Parts, Text
from cardoon.model.states import State

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_NOTHING = object()


def matches(node: Node, job: Job, now: float) -> bool:
    """Whether this job meets this tree; `now` is for how long it has been running."""
    return _holds(node, _Asked(job, now))


def folded(text: str) -> str:
    """The text with A to Z made small, and nothing else: what SQL's `lower` does too."""
    return text.translate(_LOWER)


def has_shape(text: str, parts: Parts) -> bool:
    """Whether a text begins with the first part, ends with the last, and has the others between, in order."""
    first, *between, last = parts
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    return _follow(text[len(first) : len(text) - len(last)], between)


def _follow(text: str, parts: Any) -> bool:
    """Whether the text has these parts, one after the other."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


class _Asked:
    """A job while it is asked: its body is read once, and only if a term needs it."""

    def __init__(self, job: Job, now: float) -> None:
        self.job = job
        self._now = now

    @cached_property
    def arguments(self) -> dict[str, Any]:
        try:
            message = envelope.decode(self.job.body)
        except (Unreadable, TypeError):
            return {"args": [], "kwargs": {}}
        return {"args": message.args, "kwargs": message.kwargs}

    @cached_property
    def error(self) -> list[str]:
        """One text, or none."""
        return [] if self.job.error is None else [folded(str(self.job.error))]

    @cached_property
    def texts(self) -> list[str]:
        said = [self.job.task, self.job.id, self.job.note, *_scalars([*self.arguments.values()])]
        return [*map(folded, said), *self.error]

    def number(self, field: str) -> float | None:
        if field != "duration":
            return getattr(self.job, field)  # type: ignore[no-any-return]
        started, finished = self.job.started, self.job.finished
        if started is None or (finished is None and self.job.state is not State.RUNNING):
            return None
        return (self._now if finished is None else finished) - started


def _holds(node: Node, asked: _Asked) -> bool:
    match node:
        case Names():
            return _named(node, getattr(asked.job, node.field))
        case Number():
            number = asked.number(node.field)
            return number is not None and _COMPARE[node.sign](number, node.number)
        case Argument():
            return _argued(node, _at(asked.arguments, node.path))
        case Text():
            return _said(node, asked)
        case Every():
            return all(_holds(term, asked) for term in node.terms)
        case Either():
            return any(_holds(term, asked) for term in node.terms)
        case Not():
            return not _holds(node.term, asked)


def _named(node: Names, name: str | None) -> bool:
    if name is None:
        return False
    return name in node.exact or any(has_shape(name, parts) for parts in node.patterns)


def _said(node: Text, asked: _Asked) -> bool:
    parts = [folded(part) for part in node.parts]
    return any(_follow(text, parts) for text in (asked.error if node.within == "error" else asked.texts))


def _argued(node: Argument, value: Any) -> bool:
    if node.parts:
        return isinstance(value, str) and has_shape(value, node.parts)
    return _like(value, node.value) and _COMPARE[node.sign](value, node.value)


def _like(value: Any, other: Any) -> bool:
    """Whether they are of one kind: number, text, or the same of true, false and null."""
    if isinstance(other, (bool, type(None))):
        return value is other
    if isinstance(other, str):
        return isinstance(value, str)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _at(arguments: dict[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path; what lies nowhere is like nothing."""
    root, first, *_ = path
    by_name = root == "args" and not first.isdecimal()
    value: Any = arguments["kwargs" if by_name else root]
    for key in path[1:]:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and len(key) < 10 and int(key) < len(value):
            value = value[int(key)]
        else:
            return _NOTHING
    return value


def _scalars(value: Any) -> Iterator[str]:
    """Everything readable in plain data: its texts, its keys, and its numbers as JSON writes them."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield from value
            left += value.values()
        elif isinstance(value, list):
            left += value
        else:
            yield value if isinstance(value, str) else msgspec.json.encode(value).decode()
