"""What a filter says, as data: a small tree that can be asked of a job, or be said in SQL."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from cardoon.model.job import Filter
from cardoon.model.states import State

Sign: TypeAlias = Literal[">=", "<=", ">", "<", "="]
Parts: TypeAlias = tuple[str, ...]
"""A pattern: the literal parts between its `*`, so `("a", "")` is `a*`."""


class Names(msgspec.Struct, frozen=True):
    """A field of a job that is a name, and is one of `exact` or has the shape of one of `patterns`.

    A field that a job does not have (the worker of one that waits) is never met.
    """

    field: Literal["id", "state", "queue", "task", "worker", "parent"]
    exact: frozenset[str] = frozenset()
    patterns: tuple[Parts, ...] = ()


class Number(msgspec.Struct, frozen=True):
    """A field of a job that is a number; `created` is a moment, `duration` seconds of the last attempt."""

    field: Literal["created", "duration", "priority", "attempt", "retries", "crashes"]
    sign: Sign
    number: float


class Argument(msgspec.Struct, frozen=True):
    """What lies at a path in the arguments of a job: `args` or `kwargs`, then keys and indexes.

    A name right below `args` is a keyword argument of that name. A value is met by its like only: a
    number by a number, text by text. With `parts` the value is text of that shape.
    """

    path: tuple[str, ...]
    sign: Sign = "="
    value: str | int | float | bool | None = None
    parts: Parts = ()


class Text(msgspec.Struct, frozen=True):
    """Parts that follow each other somewhere in a text, whatever the case of the letters A to Z.

    `anywhere` is the task, the id, the note, the error, or a value or key of the arguments.
    """

    parts: Parts
    within: Literal["anywhere", "error"] = "anywhere"


class Every(msgspec.Struct, frozen=True):
    """All of these; without any it is every job."""

    terms: tuple[Node, ...] = ()


class Either(msgspec.Struct, frozen=True):
    """At least one of these."""

    terms: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True):
    """Not this."""

    term: Node


Node: TypeAlias = Names | Number | Argument | Text | Every | Either | Not

EVERYTHING = Every()


def tree_of(filter: Filter) -> Node:
    """All that a filter says, its fields and its query, as one tree."""
    names = (
        Names("state", frozenset(map(str, filter.states))),
        Names("queue", filter.queues),
        Names("task", filter.tasks),
        Names("worker", filter.workers),
        Names("id", filter.ids),
        Names("parent", frozenset() if filter.parent is None else frozenset({filter.parent})),
    )
    terms: list[Node] = [name for name in names if name.exact]
    if filter.after is not None:
        terms.append(Number("created", ">=", filter.after))
    if filter.before is not None:
        terms.append(Number("created", "<", filter.before))
    if filter.query is not None:
        terms.append(filter.query)
    return terms[0] if len(terms) == 1 else Every(tuple(terms))


def conjuncts(node: Node) -> list[Node]:
    """The terms that must all hold, however deep their `Every` is nested."""
    if not isinstance(node, Every):
        return [node]
    return [term for part in node.terms for term in conjuncts(part)]


def states_of(node: Node) -> frozenset[State]:
    """The only states in which a job can meet this; all of them where nothing is said of states."""
    found = frozenset(State)
    for term in conjuncts(node):
        if isinstance(term, Names) and term.field == "state":
            found &= frozenset(map(State, term.exact))
        elif isinstance(term, Either):
            found &= frozenset().union(*map(states_of, term.terms))
    return found


def names_of(node: Node, field: str) -> frozenset[str] | None:
    """The only names that this field can have in a job that meets this; None where it may have any."""
    found: frozenset[str] | None = None
    for term in conjuncts(node):
        if isinstance(term, Names) and term.field == field and not term.patterns:
            found = term.exact if found is None else found & term.exact
    return found
