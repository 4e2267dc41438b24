"""Small statements by hand with libpq, where the driver's cursor takes longer than the server does."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import OperationalError
from psycopg.adapt import Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus, Format

from cardoon.engines.postgres.errors import TookTooLong
from cardoon.model import clock

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

    from cardoon.engines.postgres.connection import Connection


Row = tuple[Any, ...]
_BINARY = Format.BINARY
_FAILED = int(ExecStatus.FATAL_ERROR)


class Statement(NamedTuple):
    """A statement, with the name under which each session prepares it at its first use."""

    name: bytes
    query: bytes


def fetch(db: Connection, statement: Statement, values: Sequence[bytes | None]) -> list[Row]:
    """The rows that it gives for values in binary form, outside of a transaction; raises as the driver."""
    return _rows(db, statement, run(db, statement, values))


def run(db: Connection, statement: Statement, values: Sequence[bytes | None]) -> PGresult:
    """The same for one whose rows nobody reads."""
    try:
        send(db, statement, values)
        return _answer(db, db.pgconn)
    except InvalidSqlStatementName:  # after a DROP the driver lets a session forget all
        db.prepared.clear()
        send(db, statement, values)
        return _answer(db, db.pgconn)


def fetch_at_once(db: Connection, statement: Statement, values: Sequence[bytes | None]) -> list[Row]:
    """The same where the session of the next statement may be another one: nothing is prepared."""
    db.pgconn.send_query_params(statement.query, values, None, [_BINARY] * len(values), _BINARY)
    _flush(db, db.pgconn)
    return _rows(db, statement, _answer(db, db.pgconn))


def say(db: Connection, command: bytes) -> None:
    """A command that has neither values nor rows."""
    db.pgconn.send_query(command)
    _flush(db, db.pgconn)
    _answer(db, db.pgconn)


def send(db: Connection, statement: Statement, values: Sequence[bytes | None]) -> None:
    """The first half of `fetch`."""
    name, query = statement
    pg = db.pgconn
    if name not in db.prepared:
        pg.send_prepare(name, query)
        _flush(db, pg)
        _answer(db, pg)
        db.prepared.add(name)
    pg.send_query_prepared(name, values, [_BINARY] * len(values), _BINARY)
    if pg.flush():
        _flush(db, pg)


def receive(db: Connection, statement: Statement) -> list[Row] | None:
    """The second half; None where the session had forgotten the statement, and nothing was done."""
    try:
        return _rows(db, statement, _answer(db, db.pgconn))
    except InvalidSqlStatementName:
        db.prepared.clear()
        return None


def _rows(db: Connection, statement: Statement, result: PGresult) -> list[Row]:
    reader = db.readers.get(statement.name)
    if is_new := reader is None:
        reader = db.readers[statement.name] = Transformer(db)
    reader.set_pgresult(result, set_loaders=is_new, format=_BINARY)
    return reader.load_rows(0, result.ntuples, tuple)


def _flush(db: Connection, pg: PGconn) -> None:
    deadline = clock.monotonic() + db.patience
    while pg.flush():
        _await(_both_ways(db), deadline)
        pg.consume_input()


def _answer(db: Connection, pg: PGconn) -> PGresult:
    """What the server says, once it is ready again, and so after the commit."""
    deadline = clock.monotonic() + db.patience
    if pg.is_busy():
        _hear(db, pg, deadline)
    answer = pg.get_result()
    if answer is None:
        raise OperationalError("the connection is lost")
    while True:
        if pg.is_busy():
            _hear(db, pg, deadline)
        if pg.get_result() is None:
            break
    if answer.status == _FAILED:
        raise error_from_result(answer, db.info.encoding)
    return answer


def _hear(db: Connection, pg: PGconn, deadline: float) -> None:
    """Wait for one more result."""
    while pg.is_busy():
        _await(db.ear, deadline)
        pg.consume_input()


def _both_ways(db: Connection) -> select.poll:
    poll = select.poll()
    poll.register(db.fileno(), select.POLLIN | select.POLLOUT)
    return poll


def _await(poll: select.poll, deadline: float) -> None:
    if not poll.poll(max(0.0, deadline - clock.monotonic()) * 1000):
        raise TookTooLong("no answer")
