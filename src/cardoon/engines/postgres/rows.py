"""What the parts of the engine share: its state, rows from messages and back."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.connections import Connections
from cardoon.engines.postgres.heads import Heads
from cardoon.engines.postgres.listener import READY, Listener
from cardoon.engines.postgres.prepared import Statement
from cardoon.engines.postgres.wire import Texts, byteas, floats, int2s, same_texts, texts
from cardoon.engines.sqlfile import queries
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.job import Claim, Job
from cardoon.model.message import Message, Unreadable
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State

_Q = queries(Path(__file__).with_name("queries.sql"))

JOB_COLUMNS = Job.__struct_fields__
"""The columns of a job are the fields of what is told of it."""
ATTEMPT_COLUMNS = (
    "id", "task", "queue", "priority", "state", "token", "attempt", "started", "finished", "worker", "result",
    "error", "note",
)  # fmt: skip
_ONLY_ENDED = ("finished", "result")
OPEN_COLUMNS = ", ".join(f"NULL AS {name}" if name in _ONLY_ENDED else name for name in JOB_COLUMNS)
ENDED_COLUMNS = ", ".join(JOB_COLUMNS)
_TEXTS = ("id", "task", "queue", "worker", "parent", "note")

DAY_SECONDS = 86_400.0
"""The clocks of a sender and of the server are never so far apart."""

_EVER = float("-inf")
_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
A_SECOND = 4_096_000
"""The orders of ids that are made within a second."""
_errors = msgspec.json.Decoder(ErrorReport)


class Statements(dict[str, Statement]):
    """Each is made when it is first asked for."""

    def __init__(self, queries: Mapping[str, bytes]) -> None:
        self._queries = queries

    def __missing__(self, name: str) -> Statement:
        made = self[name] = Statement(name.encode(), numbered(self._queries[name]))
        return made


class Core:
    """The state of an engine object that all verbs use."""

    _connections: Connections
    _listener: Listener
    _heads: Heads
    _known: set[tuple[str, int]]
    _table: int
    """The number of the table of jobs in its database: names its locks and notices."""
    _queries: dict[str, bytes]
    _sent: tuple[str, int] = ("", -1)
    """The last single push, by its id as it is stored, and how many notices of ends there were before it."""

    def _sql(self, name: str) -> bytes:
        """The query of this name, in our schema."""
        return self._queries[name]

    @cached_property
    def _hot(self) -> Statements:
        """The queries as statements that go by hand, by their names."""
        return Statements(self._queries)

    def _found_table(self) -> int:
        """Learn the number of our table, at the first call that needs it."""
        number = int(self._connections.fetch(self._sql("table"))[0][0])
        self._table = number - 2**32 if number >= 2**31 else number
        return self._table

    def _open_once(self) -> None:
        if not self._table:
            self._found_table()

    def _durable(self) -> bool:
        return self._connections.durable

    def _tell(self, db: Connection, kind: int) -> None:
        """Wake sleepers when this transaction commits."""
        table = self._table or int(db.execute(self._sql("table")).fetchall()[0][0])
        db.execute(self._sql("tell"), [table, kind, "r" if kind == READY else "d"])

    def _returned(self, db: Connection) -> None:
        """Something may be claimed when this transaction commits that is older than the last push."""
        db.execute(self._sql("returned"))
        self._tell(db, READY)


def queries_in(schema: str) -> dict[str, bytes]:
    """All queries, for tables in this schema (quoted)."""
    named = {"{schema}": schema, "{open}": OPEN_COLUMNS, "{ended}": ENDED_COLUMNS}
    return {name: _filled(text, named).encode() for name, text in _Q.items()}


def _filled(text: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        text = text.replace(name, value)
    return text


def numbered(query: bytes) -> bytes:
    """The query as the server reads it: the places of values have numbers."""
    first, *rest = query.split(b"%s")
    return first + b"".join(b"$%d%b" % part for part in enumerate(rest, start=1))


# -- text: PostgreSQL keeps no NUL


def stored(text: str) -> str:
    """The text as it is kept."""
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\1\1").replace("\0", "\1\2")
    return text


def told(text: str) -> str:
    """The text as it was."""
    if "\1" in text:
        return "\1".join(part.replace("\1\2", "\0") for part in text.split("\1\1"))
    return text


# -- messages


def message_arrays(messages: Sequence[Message]) -> list[Any]:
    """The messages by columns, as `store` takes them, and the moment before which none of them ended."""
    return [
        texts([stored(m.id) for m in messages]),
        _names([m.task for m in messages]),
        _names([m.queue for m in messages]),
        int2s([m.priority for m in messages]),
        _unless_none([m.due for m in messages], floats),
        _unless_none([m.expires for m in messages], floats),
        _unless_none([None if m.parent is None else stored(m.parent) for m in messages], texts),
        byteas([envelope.encode(m) for m in messages]),
        not_before([m.id for m in messages]),
    ]


def _names(names: list[str]) -> Texts:
    """Most often all are the same."""
    if names and names.count(names[0]) == len(names):
        return same_texts(stored(names[0]), len(names))
    return texts(map(stored, names))


def _unless_none(values: list[Any], pack: Any) -> Any:
    return None if values.count(None) == len(values) else pack(values)


def not_before(ids: Collection[str]) -> float:
    """A moment before which no job of these ids can have ended: a UUIDv7 tells when it was made.

    Of one that claims to come from the future that is not believed.
    """
    oldest = made_by(order_of_oldest(ids))
    if oldest == _EVER or made(max(ids)) > clock.now() + DAY_SECONDS / 24:
        return _EVER
    return oldest - DAY_SECONDS


def order(id: str) -> int:
    """A number for an id that grows with the moment it was made, if it is a UUIDv7; else -1.

    The function `order_of_newest` of the schema reads it in the same way.
    """
    return int(id[:8] + id[9:13] + id[15:18], 16) if _V7(id) else -1


def order_of_oldest(ids: Collection[str]) -> int:
    """The least `order` of these; -1 where one of them has none."""
    return order(min(ids)) if ids and all(map(_V7, ids)) else -1


def order_of_newest(ids: Collection[str]) -> int:
    """The greatest `order` of these; -1 where none has one."""
    newest = order(max(ids, default=""))
    return newest if newest >= 0 else max(map(order, ids), default=-1)


def made(id: str) -> float:
    """When an id was made, if it is a UUIDv7; else long ago."""
    return made_by(order(id))


def made_by(order: int) -> float:
    """The moment behind such a number."""
    return _EVER if order < 0 else order / A_SECOND


# -- claims and jobs


def claim_of(row: tuple[Any, ...], worker: str) -> Claim:
    """The claim of a running job, of a row of `exchange` or `held`; raises Unreadable."""
    seq, id, body, token, attempt, retries, crashes, suspect, started = row[:9]
    message = envelope.decode(body)
    if message.id != id and message.id != told(id):
        raise Unreadable(f"the row of {id!r} holds the message of {message.id!r}")
    return Claim(message, worker, token, attempt, retries, crashes, suspect, seq, started)


def fence(claim: Claim) -> list[Any]:
    """What only the attempt that owns its job knows."""
    return [claim.ref, stored(claim.message.id), claim.token]


def encode_error(error: ErrorReport | None) -> bytes | None:
    """An error as it is stored."""
    return None if error is None else msgspec.json.encode(error)


def decode_error(data: bytes | None) -> ErrorReport | None:
    """A stored error; one that cannot be read is reported as itself."""
    if data is None:
        return None
    try:
        return _errors.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return ErrorReport(type="Unreadable", message=str(error))


def job_of(row: Sequence[Any]) -> Job:
    """The job of a row of `JOB_COLUMNS`."""
    return _job(JOB_COLUMNS, row)


def attempt_of(row: Sequence[Any]) -> Job:
    """One earlier attempt of a job, of a row of the query `attempts`."""
    return _job(ATTEMPT_COLUMNS, row)


def _job(names: Sequence[str], row: Sequence[Any]) -> Job:
    fields: dict[str, Any] = dict(zip(names, row, strict=True))
    for name in _TEXTS:
        if fields.get(name):
            fields[name] = told(fields[name])
    fields["error"] = decode_error(fields["error"])
    try:
        return msgspec.convert(fields, Job, strict=True)
    except msgspec.ValidationError as error:
        said: dict[str, Any] = {name: str(fields.get(name)) for name in ("id", "task", "queue")}
        return Job(**said, priority=0, state=State.PARKED, note=f"this row cannot be read: {error}")
