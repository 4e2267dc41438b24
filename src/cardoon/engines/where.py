"""A filter said in SQL, as exactly as SQL can say it; each engine that speaks it adds its own words.

What SQL cannot say is said more widely: then the condition holds for every job that matches, and for some
more, which `cardoon.model.query.match` must sort out. Values are always parameters.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from cardoon.model.query.match import folded
from cardoon.model.query.tree import Argument, Either, Every, Names, Node, Not, Number, Parts, Text

_LARGEST_INTEGER_WRITTEN_OUT = 10**15
_ESCAPED = frozenset('"\\')
_PARTS = 8


class Where(NamedTuple):
    """A condition with its values. Unless it is `exact`, some rows meet it that do not match."""

    sql: str
    values: list[Any]
    exact: bool


class Sql:
    """How one SQL says a tree: the attributes and the last methods are an engine's own.

    `number` stands for a value that is a number, `mark` for any other; `position` names the function that
    finds a text in another, counted from 1.
    """

    mark = "?"
    number = "?"
    true, false = "1", "0"
    position = "instr"

    def where(self, node: Node, now: float) -> Where:
        """The condition of a tree; `now` is for how long a job has been running."""
        match node:
            case Names():
                return self._names(node)
            case Number():
                return self._number(node, now)
            case Argument():
                return self._argument(node)
            case Text():
                return self._text(node)
            case Every():
                return self._joined([self.where(term, now) for term in node.terms], "AND")
            case Either():
                return self._joined([self.where(term, now) for term in node.terms], "OR")
            case Not():
                return self._not(self.where(node.term, now))

    @property
    def _perhaps(self) -> Where:
        return Where(self.true, [], exact=False)

    def _joined(self, terms: list[Where], word: str) -> Where:
        if not terms:
            return Where(self.true, [], exact=True)
        return Where(
            f"({f' {word} '.join(term.sql for term in terms)})",
            [value for term in terms for value in term.values],
            all(term.exact for term in terms),
        )

    def _not(self, term: Where) -> Where:
        """The contrary; of a condition that is too wide nothing follows."""
        return Where(f"NOT {term.sql}", term.values, exact=True) if term.exact else self._perhaps

    def _names(self, node: Names) -> Where:
        is_there = Where(f"{node.field} IS NOT NULL", [], exact=True)
        exact = self._joined([is_there, self.among(node.field, node.exact)], "AND")
        if not node.patterns:
            return exact
        shapes = [self._contains(node.field, tuple(map(self.stored, parts))) for parts in node.patterns]
        return self._joined([exact, *shapes] if node.exact else shapes, "OR")

    def _number(self, node: Number, now: float) -> Where:
        column: str = node.field
        values: list[float] = [float(node.number)]
        if column == "duration":
            ended = f"WHEN finished IS NOT NULL THEN finished WHEN state = 'running' THEN {self.number}"
            column, values = f"(CASE {ended} END - started)", [now, *values]
        return Where(f"coalesce({column} {node.sign} {self.number}, {self.false})", values, exact=True)

    def _text(self, node: Text) -> Where:
        parts = tuple(map(folded, node.parts))
        # It is read as `Type: message` and kept as two texts: no part may reach over the colon.
        pieces = tuple(piece.strip() for part in parts for piece in part.split(":"))
        error = self._contains_json("error", pieces)
        if node.within == "error":
            return self._joined([Where("error IS NOT NULL", [], exact=True), error], "AND")
        kept = tuple(map(self.stored, parts))
        plain = [self._contains(f"lower({column})", kept) for column in ("task", "id", "note")]
        return self._joined([*plain, self._contains_json("body", parts), error], "OR")

    def _argument(self, node: Argument) -> Where:
        """The last key looked for stands in the body, and so does a value whose form is known."""
        parts: list[str] = [key for key in node.path[1:] if not key.isdecimal()][-1:]
        if node.parts:
            parts += node.parts
        elif node.sign == "=":
            parts += _written(node.value)
        found = [self._contains_json("body", (part,), fold=False) for part in parts]
        return self._joined([self._perhaps, *found], "AND")

    def _contains_json(self, column: str, parts: Parts, *, fold: bool = True) -> Where:
        """The parts as they stand in JSON; nothing is said of those that JSON may write in another way."""
        plain = [part for part in parts if part.isprintable() and not _ESCAPED & set(part)]
        return self._contains(self.json(column, fold=fold), tuple(map(self.in_json, plain)))

    def _contains(self, text: str, parts: Parts) -> Where:
        """The text has all these parts, in whatever order; of very many the longest will do."""
        longest = sorted(filter(None, parts), key=len)[-_PARTS:]
        terms = " AND ".join([f"{self.position}({text}, {self.mark}) > 0"] * len(longest))
        sql = f"coalesce({terms}, {self.false})" if terms else self.true
        return Where(sql, [*longest], exact=False)

    # -- an engine's own words

    def among(self, column: str, names: Collection[str]) -> Where:
        """The column is one of these names; nothing is said of one that is NULL."""
        raise NotImplementedError

    def stored(self, text: str) -> str:
        """A text as a column of texts holds it."""
        return text

    def json(self, column: str, *, fold: bool) -> str:
        """The text of a column that holds JSON, in small letters where that is asked for."""
        raise NotImplementedError

    def in_json(self, text: str) -> str:
        """A part as that text shows it."""
        return text


def _written(value: str | int | float | bool | None) -> list[str]:
    """What the JSON of a value has in it. Large and broken numbers may be written in several ways."""
    if isinstance(value, str):
        return [value]
    is_plain = type(value) is int and abs(value) < _LARGEST_INTEGER_WRITTEN_OUT
    return [str(value)] if is_plain else []
