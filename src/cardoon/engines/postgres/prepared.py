"""Small statements by hand with libpq, where the driver's cursor takes longer than the server does."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from psycopg import OperationalError
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus, Format

from cardoon.engines.postgres.errors import TookTooLong
from cardoon.model import clock

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

    from cardoon.engines.postgres.connection import Connection


class Statement(NamedTuple):
    """A statement, with the name under which each session prepares it at its first use."""

    name: bytes
    query: bytes


def run(db: Connection, statement: Statement, values: Sequence[bytes | None]) -> PGresult:
    """Run it with values in binary form, outside of a transaction; raises what the driver would raise."""
    try:
        return _run(db, statement, values)
    except InvalidSqlStatementName:  # after a rollback the driver lets a session forget all
        db.prepared.clear()
        return _run(db, statement, values)


def _run(db: Connection, statement: Statement, values: Sequence[bytes | None]) -> PGresult:
    name, query = statement
    if name not in db.prepared:
        db.pgconn.send_prepare(name, query)
        _answer(db, db.pgconn)
        db.prepared.add(name)
    db.pgconn.send_query_prepared(name, values, [Format.BINARY] * len(values), Format.BINARY)
    return _answer(db, db.pgconn)


def _answer(db: Connection, pg: PGconn) -> PGresult:
    deadline = clock.monotonic() + db.patience
    while pg.flush():
        _await(_both_ways(db), deadline)
        pg.consume_input()
    answer = None
    while (result := _next(db, pg, deadline)) is not None:
        answer = result if answer is None else answer
    if answer is None:
        raise OperationalError("the connection is lost")
    if answer.status == ExecStatus.FATAL_ERROR:
        raise error_from_result(answer, db.info.encoding)
    return answer


def _next(db: Connection, pg: PGconn, deadline: float) -> PGresult | None:
    """One more result; None when the server is ready again, and so after the commit."""
    while pg.is_busy():
        _await(db.ear, deadline)
        pg.consume_input()
    return pg.get_result()


def _both_ways(db: Connection) -> select.poll:
    poll = select.poll()
    poll.register(db.fileno(), select.POLLIN | select.POLLOUT)
    return poll


def _await(poll: select.poll, deadline: float) -> None:
    if not poll.poll(max(0.0, deadline - clock.monotonic()) * 1000):
        raise TookTooLong("no answer")
