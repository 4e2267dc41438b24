"""A filter said in PostgreSQL's SQL, as exactly as SQL can say it.

What SQL cannot say is said more widely: then the condition holds for every job that matches, and for some
more, which `cardoon.model.query.match` must sort out. Values are always parameters.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from cardoon.engines.postgres.rows import stored
from cardoon.engines.postgres.wire import texts
from cardoon.model.query.match import folded
from cardoon.model.query.tree import Argument, Either, Every, Names, Node, Not, Number, Parts, Text

_COLUMNS = {
    "duration": "(CASE WHEN finished IS NOT NULL THEN finished WHEN state = 'running' THEN %s END - started)"
}
_LARGEST_INTEGER_WRITTEN_OUT = 10**15
_ESCAPED = frozenset('"\\')
_PARTS = 8


class Where(NamedTuple):
    """A condition with its values. Unless it is `exact`, some rows meet it that do not match."""

    sql: str
    values: list[Any]
    exact: bool


_ALL = Where("true", [], exact=True)
_PERHAPS = Where("true", [], exact=False)


def where(node: Node, now: float) -> Where:
    """The condition of a tree; `now` is for how long a job has been running."""
    match node:
        case Names():
            return _names(node)
        case Number():
            return _number(node, now)
        case Argument():
            return _argument(node)
        case Text():
            return _text(node)
        case Every():
            return _joined([where(term, now) for term in node.terms], "AND")
        case Either():
            return _joined([where(term, now) for term in node.terms], "OR")
        case Not():
            return _not(where(node.term, now))


def _joined(terms: list[Where], word: str) -> Where:
    if not terms:
        return _ALL
    return Where(
        f"({f' {word} '.join(term.sql for term in terms)})",
        [value for term in terms for value in term.values],
        all(term.exact for term in terms),
    )


def _not(term: Where) -> Where:
    """The contrary; of a condition that is too wide nothing follows."""
    return Where(f"NOT {term.sql}", term.values, exact=True) if term.exact else _PERHAPS


def among(column: str, names: Collection[str]) -> Where:
    """The column is one of these names."""
    return Where(
        f"({column} IS NOT NULL AND {column} = ANY(%s))",
        [texts([stored(n) for n in sorted(names)])],
        exact=True,
    )


def _names(node: Names) -> Where:
    exact = among(node.field, node.exact)
    if not node.patterns:
        return exact
    shapes = [_contains(node.field, tuple(map(stored, parts))) for parts in node.patterns]
    return _joined([exact, *shapes] if node.exact else shapes, "OR")


def _number(node: Number, now: float) -> Where:
    column = _COLUMNS.get(node.field, node.field)
    values = [*[now] * column.count("%s"), float(node.number)]
    return Where(f"coalesce({column} {node.sign} %s::float8, false)", values, exact=True)


def _text(node: Text) -> Where:
    parts = tuple(map(folded, node.parts))
    # It is read as `Type: message` and kept as two texts: no part may reach over the colon.
    error = _contains_json("error", tuple(piece.strip() for part in parts for piece in part.split(":")))
    if node.within == "error":
        return _joined([Where("error IS NOT NULL", [], exact=True), error], "AND")
    plain = [_contains(f"lower({column})", tuple(map(stored, parts))) for column in ("task", "id", "note")]
    return _joined([*plain, _contains_json("body", parts), error], "OR")


def _argument(node: Argument) -> Where:
    """Whatever is looked for, its last key stands in the body, and so does a value whose form is known."""
    parts: list[str] = [key for key in node.path[1:] if not key.isdecimal()][-1:]
    if node.parts:
        parts += node.parts
    elif node.sign == "=":
        parts += _written(node.value)
    return _joined([_PERHAPS, *(_contains_json("body", (part,), fold=False) for part in parts)], "AND")


def _written(value: str | int | float | bool | None) -> list[str]:
    """What the JSON of a value has in it. Large and broken numbers may be written in several ways."""
    if isinstance(value, str):
        return [value]
    is_plain = type(value) is int and abs(value) < _LARGEST_INTEGER_WRITTEN_OUT
    return [str(value)] if is_plain else []


def _contains_json(column: str, parts: Parts, *, fold: bool = True) -> Where:
    """The parts as they stand in JSON; nothing is said of those that JSON may write in another way."""
    plain = [part for part in parts if part.isprintable() and not _ESCAPED & set(part)]
    text = f"encode({column}, 'escape')"
    return _contains(f"lower({text})" if fold else text, tuple(map(_as_escaped, plain)))


def _as_escaped(text: str) -> str:
    """The text as `encode(..., 'escape')` shows its bytes."""
    return "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in text.encode())


def _contains(text: str, parts: Parts) -> Where:
    """The text has all these parts, in whatever order; of very many the longest will do."""
    longest = sorted(filter(None, parts), key=len)[-_PARTS:]
    terms = " AND ".join([f"strpos({text}, %s) > 0"] * len(longest))
    return Where(f"coalesce({terms}, false)" if terms else "true", longest, exact=False)
