"""Finding jobs, page by page, with a bounded amount of work for each.

The rows that may match are taken from an index where one leads to few of them or has them in the order of
the list, else from both tables, newest first. A thousand at a time SQL judges them; where it cannot tell
exactly, the jobs themselves are asked. When its time is up a page is told as far as it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any, NamedTuple

from cardoon.engines.contract import page_number
from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.rows import ENDED_COLUMNS, JOB_COLUMNS, OPEN_COLUMNS, job_of, stored, told
from cardoon.engines.postgres.where import among, where
from cardoon.engines.postgres.wire import int8s
from cardoon.model import clock
from cardoon.model.job import Filter, Job, Page
from cardoon.model.query.match import matches
from cardoon.model.query.tree import names_of, states_of, tree_of
from cardoon.model.states import FINAL, State

PAGE_SECONDS = 0.25
"""When so much time is gone no further thousand of rows is begun."""

FEW = 5_000
"""An index that has another order than the list is of use for so many rows: they are all read and sorted."""

_CHUNK = 1_000
_NEWEST = 2**63 - 1
_STATES = {state.value: state for state in State}
_ENDED = FINAL - {State.SUCCEEDED}
_READY = frozenset({State.READY})
_OPEN = {
    _READY: "state = 'ready' AND NOT suspect",
    frozenset({State.DELAYED, State.RETRYING}): "state IN ('delayed', 'retrying')",
    frozenset({State.RUNNING}): "state = 'running'",
    frozenset({State.PARKED, State.BLOCKED}): "state IN ('parked', 'blocked')",
}
"""The jobs that have not ended, in the words of the partial indexes."""

_BRIEF = ("id", "task", "queue", "priority", "state")


class Chunk(NamedTuple):
    """Some rows to judge: the condition that names them, its values, and the oldest row of them."""

    rows: str
    values: list[Any]
    oldest: int


class Search:
    """One page of a filter, in the tables of this schema."""

    _db: Connection

    def __init__(
        self, schema: str, filter: Filter, page: str | None, limit: int, *, brief: bool = False
    ) -> None:
        self._schema = schema
        self._tree = tree_of(filter)
        self._now = clock.now()
        self._where = where(self._tree, self._now)
        self._below = _NEWEST if page is None else min(page_number(page), _NEWEST)
        self._limit = limit
        self._brief = brief and self._where.exact  # where a job is asked itself, all of it is needed

    def page(self, db: Connection) -> Page:
        """The jobs, and where to go on."""
        self._db = db
        deadline = clock.monotonic() + PAGE_SECONDS
        found: list[Job] = []
        last = self._below
        for chunk in self._chunks():
            for seq, job in self._judged(chunk, self._limit + 1 - len(found)):
                if len(found) == self._limit:
                    return Page(found, str(last))
                found.append(job)
                last = seq
            if clock.monotonic() > deadline:
                more = self._newest_before(chunk.oldest) is not None
                return Page(found, str(chunk.oldest) if more else None)
        return Page(found)

    def _judged(self, chunk: Chunk, most: int) -> Generator[tuple[int, Job]]:
        """The jobs among these rows that match, newest first; no more than `most` need be told."""
        condition = self._where
        columns = ", ".join(_BRIEF if self._brief else JOB_COLUMNS)
        query = (
            f"SELECT seq, {columns} FROM ("
            f"SELECT seq, {OPEN_COLUMNS} FROM {self._schema}.jobs WHERE {chunk.rows} UNION ALL "
            f"SELECT seq, {ENDED_COLUMNS} FROM {self._schema}.history WHERE {chunk.rows}"
            f") AS j WHERE {condition.sql} ORDER BY seq DESC LIMIT %s"
        )
        values = [*chunk.values, *chunk.values, *condition.values, most if condition.exact else None]
        for seq, *row in self._rows(query, values):
            job = _brief(*row) if self._brief else job_of(row)
            if condition.exact or matches(self._tree, job, self._now):
                yield seq, job

    def _chunks(self) -> Generator[Chunk]:
        """All rows that may match, newest first, some at a time."""
        below = self._below
        while (candidates := self._candidates(below)) is not None:
            for start in range(0, len(candidates), _CHUNK):
                part = candidates[start : start + _CHUNK]
                yield Chunk("seq = ANY(%s)", [int8s(part)], part[-1])
            if len(candidates) < FEW:
                return
            below = candidates[-1]
        yield from self._walk(below)

    def _walk(self, below: int) -> Generator[Chunk]:
        """Both tables; where jobs were forgotten nothing is looked at."""
        newest = self._newest_before(below)
        while newest is not None:
            oldest = newest - _CHUNK + 1
            yield Chunk("seq BETWEEN %s AND %s", [oldest, newest], oldest)
            newest = self._newest_before(oldest)

    def _newest_before(self, seq: int) -> int | None:
        tables = [
            f"(SELECT max(seq) FROM {self._schema}.{name} WHERE seq < %s)" for name in ("jobs", "history")
        ]
        found: int | None = self._rows(f"SELECT greatest({', '.join(tables)})", [seq, seq])[0][0]
        return found

    # -- candidates

    def _candidates(self, below: int) -> list[int] | None:
        """Up to `FEW` of the newest rows to which an index leads; None where none is of use.

        A source that has more than `FEW` is cut, so what is older than the last of `FEW` may be incomplete
        and is left for the next call.
        """
        ids, parents = names_of(self._tree, "id"), names_of(self._tree, "parent")
        found: list[int] | None
        if ids is not None:
            found = [seq for table in ("jobs", "history") for seq in self._among(table, "id", ids)]
        elif parents is not None and len(parents) == 1:
            parent = stored(next(iter(parents)))
            found = [
                n for table in ("jobs", "history") for n in self._newest(table, below, "parent = %s", parent)
            ]
        else:
            found = self._by_state(below, states_of(self._tree))
        return None if found is None else sorted((n for n in found if n < below), reverse=True)[:FEW]

    def _by_state(self, below: int, states: Collection[State]) -> list[int] | None:
        if State.SUCCEEDED in states:
            return None
        found: list[int] = []
        for family, condition in _OPEN.items():
            rows = [] if family.isdisjoint(states) else self._all(condition)
            if len(rows) > FEW:
                return None
            found += rows
        if State.READY in states:
            found += self._column(f"SELECT seq FROM {self._schema}.jobs WHERE state = 'ready' AND suspect")
        for state in _ENDED.intersection(states):
            found += self._newest("history", below, f"state <> 'succeeded' AND state = '{state.value}'")
        return found

    def _all(self, condition: str) -> list[int]:
        """The rows of a partial index, at most one more than `FEW`; of the ready ones those of the queues."""
        queues = names_of(self._tree, "queue")
        query = f"SELECT seq FROM {self._schema}.jobs WHERE {condition}"
        if queues is None or condition != _OPEN[_READY]:
            return self._column(f"{query} LIMIT %s", FEW + 1)
        term = among("queue", queues)
        return self._column(f"{query} AND {term.sql} LIMIT %s", *term.values, FEW + 1)

    def _among(self, table: str, column: str, names: Collection[str]) -> list[int]:
        term = among(column, names)
        return self._column(f"SELECT seq FROM {self._schema}.{table} WHERE {term.sql}", *term.values)

    def _newest(self, table: str, below: int, condition: str, *values: str) -> list[int]:
        rows = f"SELECT seq FROM {self._schema}.{table} WHERE {condition} AND seq < %s"
        return self._column(f"{rows} ORDER BY seq DESC LIMIT %s", *values, below, FEW)

    def _column(self, query: str, *values: object) -> list[Any]:
        return [row[0] for row in self._rows(query, values)]

    def _rows(self, query: str, values: Any) -> list[Any]:
        return self._db.execute(query.encode(), values, binary=True, prepare=False).fetchall()


def _brief(id: str, task: str, queue: str, priority: int, state: str) -> Job:
    """As `job_of` tells it; what it could not read has no state either."""
    known = _STATES.get(state, State.PARKED)
    return Job(id=told(id), task=told(task), queue=told(queue), priority=priority, state=known)
