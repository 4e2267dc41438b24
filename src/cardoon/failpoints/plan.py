"""Which failpoints are armed, what happens there, and at which hit."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from cardoon.failpoints.actions import Action, action
from cardoon.failpoints.names import NAMES, OWN
from cardoon.model.errors import ConfigurationError, nearest

When = Callable[[], bool]


@dataclass(frozen=True)
class Plan:
    """What is to happen, by the name of the place."""

    points: dict[str, list[tuple[When, Action]]]

    @classmethod
    def read(cls, text: str, seed: str) -> Plan:
        """The plan that a text asks for; raises ConfigurationError."""
        plan = cls({})
        for part in filter(None, map(str.strip, text.split(";"))):
            try:
                name, when, act = _point(part, seed)
            except ConfigurationError as error:
                raise ConfigurationError(f"CARDOON_FAILPOINTS, {part!r}: {error}") from None
            plan.points.setdefault(name, []).append((when, act))
        return plan

    def hit(self, name: str) -> None:
        """Do what is due at this place; each counts its own hits, also when another raises."""
        due = [act for when, act in self.points.get(name, ()) if when()]
        for act in due:
            act()


def _point(text: str, seed: str) -> tuple[str, When, Action]:
    name, assigned, rest = (word.strip() for word in text.partition("="))
    if not assigned:
        raise ConfigurationError("write NAME=action[:argument][@when]")
    if name not in NAMES and not name.startswith(OWN):
        raise ConfigurationError(
            f"no failpoint is called {name!r}{nearest(name, NAMES)} (your own begin with {OWN!r})"
        )
    what, _, when = rest.partition("@")
    return name, _when(when, f"{seed}/{name}"), action(what)


def _when(text: str, seed: str) -> When:
    head, slash, number = text.partition("/")
    if not text:
        return lambda: True
    if slash and head == "1" and number.isdecimal() and int(number):
        return _by_chance(1 / int(number), seed)
    if not slash and head.isdecimal() and int(head):
        return _at_hit(int(head))
    raise ConfigurationError(f"@{text} names no hit: write @3 for the third, @1/10 for one in ten")


def _at_hit(number: int) -> When:
    hits = itertools.count(1)
    return lambda: next(hits) == number


def _by_chance(chance: float, seed: str) -> When:
    source = random.Random(seed)
    return lambda: source.random() < chance
