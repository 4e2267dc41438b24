"""How jobs come to PostgreSQL: one, many, batch after batch, and within a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from cardoon import failpoints
from cardoon.engines.contract import lost_by
from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.errors import LEASE_LOST, KnownId, translated
from cardoon.engines.postgres.heads import Line
from cardoon.engines.postgres.listener import DONE
from cardoon.engines.postgres.prepared import Row
from cardoon.engines.postgres.rows import (
    A_SECOND,
    Core,
    fence,
    message_arrays,
    order,
    order_of_oldest,
    stored,
)
from cardoon.engines.postgres.wire import bool_, float8, int2, int2s, int4, int8, teach, texts
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message, encode

_TELL_AGAIN_SECONDS = 0.001
"""Less than the journey of a job: who sends the next one at its end finds its worker asleep again."""
_FRESH = 60 * A_SECOND
_WITHIN = ("driver_connection", "connection", "dbapi_connection")
_LONGEST_QUEUE = 1_000
_PACKERS: tuple[Callable[[Any], bytes] | None, ...] = (
    *[None] * 8, float8, int8, bool_, None, None, int8, str.encode, int4, int4, bool_, bool_, float8,
)  # fmt: skip

_Ready = tuple[Sequence[Message], list[bytes | None], set[Line]]
"""A batch with the values of its statement and its lines."""


class Pushing(Core):
    """Takes jobs; see the contract for what each verb promises."""

    _told: dict[str, float]
    """When it was last asked here whether somebody waits for each queue."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        """See `Broker.push`."""
        if failpoints.armed:
            failpoints.hit("enq.before_send")
        if len(messages) == 1 and by is None and not failpoints.armed and self._push_one(messages[0]):
            return [True]
        try:
            new = self._push_many(messages, by, careful=False)
        except KnownId:  # one of them is there already, or came at this moment
            new = self._push_many(messages, by, careful=True)
        if failpoints.armed:
            failpoints.hit("enq.after_commit")
            failpoints.hit("enq.after_send_before_reply")
        return new

    def push_each(
        self, batches: Iterable[Sequence[Message]], *, by: Claim | None = None
    ) -> Iterator[list[bool]]:
        """See `Broker.push_each`: the next batch is taken while the server stores the one before."""
        if failpoints.armed or not self._connections.is_ours():
            yield from (self.push(batch, by=by) for batch in batches)
            return
        rest = iter(batches)
        ready, raised = self._next_to_push(rest, by)
        while ready is not None:
            batch, values, lines = ready
            db = self._connections.send(self._hot["push"], values)
            ready, raised = self._next_to_push(rest, by)
            yield self._stored(db, batch, by, lines)
        if raised is not None:
            raise raised

    def _next_to_push(
        self, batches: Iterator[Sequence[Message]], by: Claim | None
    ) -> tuple[_Ready | None, BaseException | None]:
        """The next batch, if there is one, and what was raised when it was made."""
        try:
            for batch in batches:
                values, lines = self._to_push(batch, by, careful=False)
                return (batch, _packed(values), lines), None
        except BaseException as error:  # for when the batch before is told
            return None, error
        return None, None

    def _stored(
        self, db: Connection, batch: Sequence[Message], by: Claim | None, lines: set[Line]
    ) -> list[bool]:
        """What became of a batch that was sent."""
        try:
            rows = self._connections.receive(db, self._hot["push"])
        except KnownId:
            return self._push_many(batch, by, careful=True)
        except psycopg.Error as error:
            raise self._lost(error, by, len(batch)) from None
        if rows is None:
            return self.push(batch, by=by)
        self._known.update(lines)
        return self._pushed(rows, batch)

    def _push_many(self, messages: Sequence[Message], by: Claim | None, *, careful: bool) -> list[bool]:
        values, lines = self._to_push(messages, by, careful=careful)
        try:
            rows = self._push_all(values)
        except psycopg.Error as error:
            raise self._lost(error, by, len(messages)) from None
        self._known.update(lines)
        return self._pushed(rows, messages)

    def _push_one(self, message: Message) -> bool:
        """Whether this was pushed, in a fraction of the time: a fresh message, due now, to a known line.

        It fails for a known id, which is faster than to be ready for it.
        """
        number = order(message.id)
        if message.due is not None or message.expires is not None or not _is_fresh(number):
            return False
        if self._connections.pooled or _line(message) not in self._known:
            return False
        queue = _spelled(message.queue)
        notices, may_tell = self._listener.notices(DONE), self._may_tell(message.queue)
        values = [
            message.id.encode(),  # of a UUIDv7, which has an order
            _spelled(message.task),
            queue,
            int2(message.priority),
            float8(clock.shift()),
            None if message.parent is None else stored(message.parent).encode(),
            encode(message),
            int8(number),
        ]
        if may_tell:
            values += _news_of(queue), int4(self._table or self._found_table())
        try:
            self._connections.run(self._hot["push_and_tell" if may_tell else "push_one"], values)
        except KnownId:
            return False
        self._sent = message.id, notices
        if may_tell:
            self._told[message.queue] = clock.monotonic()
        return True

    def push_on(self, connection: Any, messages: Sequence[Message]) -> list[bool]:
        """Push within the transaction that is open on the caller's connection; its end is the caller's.

        `connection` is psycopg's, or has psycopg's inside (SQLAlchemy, Django). What is rolled back was
        never pushed, and the commit is as durable as the profile says.
        """
        raw = _psycopgs(connection)
        values, _lines = self._to_push(messages, None, careful=True)
        self._open_once()
        try:
            # Not a cursor of its kind: Django's write values into the text of a query, and lose their types.
            with psycopg.Cursor(raw, row_factory=tuple_row) as cursor:
                teach(cursor.adapters)
                cursor.execute(self._sql("push"), values)
                return self._pushed(cursor.fetchall(), messages)
        except psycopg.Error as error:
            raise translated(error, self._connections.place) from error

    def _to_push(
        self, messages: Sequence[Message], by: Claim | None, *, careful: bool
    ) -> tuple[list[Any], set[Line]]:
        lines = set(map(_line, messages))
        unknown = lines - self._known
        oldest = order_of_oldest([m.id for m in messages])
        values = [
            *message_arrays(messages),
            oldest,
            careful or not _is_fresh(oldest),
            texts([stored(queue) for queue, _ in unknown]) if unknown else None,
            int2s([priority for _, priority in unknown]) if unknown else None,
            *(fence(by) if by is not None else (None, None, None)),
            self._table or self._found_table(),
            any(self._may_tell(queue) for queue, _ in lines),
            self._durable(),
            clock.shift(),
        ]
        return values, lines

    def _push_all(self, values: list[Any]) -> list[Row]:
        if not failpoints.armed:
            return self._connections.ask(self._hot["push"], _packed(values))

        def work(db: Connection) -> list[Row]:
            rows = db.execute(self._sql("push"), values).fetchall()
            failpoints.hit("enq.batch_middle")
            return rows

        return self._connections.step(work)

    def _pushed(self, rows: list[Row], messages: Sequence[Message]) -> list[bool]:
        ((new, _told),) = rows
        return [True] * len(messages) if new is None else list(new)

    def _may_tell(self, queue: str) -> bool:
        """Whether that was not asked for some milliseconds; who lies down meanwhile looks again later."""
        return not clock.monotonic() - _TELL_AGAIN_SECONDS < self._told.get(queue, 0.0)

    @staticmethod
    def _lost(error: psycopg.Error, by: Claim | None, count: int) -> Exception:
        return lost_by(by, count) if by is not None and error.sqlstate == LEASE_LOST else error


def _packed(values: Sequence[Any]) -> list[bytes | None]:
    """What `push` takes, in binary form."""
    return [
        value if value is None or pack is None else pack(value)
        for value, pack in zip(values, _PACKERS, strict=True)
    ]


@lru_cache
def _spelled(name: str) -> bytes:
    """The name of a task or of a queue as it travels."""
    return stored(name).encode()


def _is_fresh(order: int) -> bool:
    """Whether an id was made a moment ago: then it is hardly ever one that is known."""
    return 0 <= clock.now() * A_SECOND - order < _FRESH


def _news_of(queue: bytes) -> bytes:
    """What a notice says of something to claim in this queue; not its name where it cannot carry that."""
    return b"r" if len(queue) > _LONGEST_QUEUE or b"\n" in queue else b"r" + queue


def _line(message: Message) -> Line:
    return message.queue, message.priority


def _psycopgs(connection: Any) -> psycopg.Connection[Any]:
    """The driver's connection within whatever wraps it."""
    inner = connection
    while inner is not None and not isinstance(inner, psycopg.Connection):
        inner = next((found for name in _WITHIN if (found := getattr(inner, name, None)) is not None), None)
    if inner is None:
        raise TypeError(f"{type(connection).__name__} is no connection of psycopg 3, nor has one inside")
    return inner
