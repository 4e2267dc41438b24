"""The way of a job on PostgreSQL: pushed, claimed, waited for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import cached_property, partial
from math import inf
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from cardoon import failpoints
from cardoon.engines.contract import End, Turn, lost_by, names
from cardoon.engines.exchange import OneByOne, hit_after, hit_before
from cardoon.engines.postgres.connection import Connection, Row
from cardoon.engines.postgres.errors import LEASE_LOST, KnownId, translated
from cardoon.engines.postgres.heads import Line
from cardoon.engines.postgres.listener import READY
from cardoon.engines.postgres.prepared import Statement
from cardoon.engines.postgres.rows import (
    DAY_SECONDS,
    claim_of,
    fence,
    made_by,
    message_arrays,
    order,
    order_of_oldest,
    stored,
    told,
)
from cardoon.engines.postgres.settling import Settling, is_plain, plain_arrays
from cardoon.engines.postgres.wire import Texts, float8, int2, int2s, int4, int8, teach, texts
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message, Unreadable, encode

RECHECK_SECONDS = 1.0
"""A notice is a hint and the tables are the truth: whoever sleeps looks that often anyway."""
_FIRST_LOOK_SECONDS = 0.01
"""So much later a sleeper looks again: who was committing when it lay down sends it nothing."""
POLL_SECONDS = 0.1
_TELL_AGAIN_SECONDS = 0.002
_FRESH_SECONDS = 60.0
_WITHIN = ("driver_connection", "connection", "dbapi_connection")
_LONGEST_QUEUE = 1_000
_TOO_LARGE = 2**31 - 1


class Broker(OneByOne, Settling):
    """Carries jobs; see the contract for what each verb promises."""

    _told: dict[str, float]
    """When it was last asked here whether somebody waits for each queue."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        """See `Broker.push`."""
        if failpoints.armed:
            failpoints.hit("enq.before_send")
        if len(messages) == 1 and by is None and not failpoints.armed and self._is_simple(messages[0]):
            with suppress(KnownId):
                self._push_one(messages[0])
                return [True]
        try:
            new = self._push_many(messages, by, careful=False)
        except KnownId:  # one of them is there already, or came at this moment
            new = self._push_many(messages, by, careful=True)
        if failpoints.armed:
            failpoints.hit("enq.after_commit")
            failpoints.hit("enq.after_send_before_reply")
        return new

    def _push_many(self, messages: Sequence[Message], by: Claim | None, *, careful: bool) -> list[bool]:
        values, lines = self._to_push(messages, by, careful=careful)
        try:
            rows = self._push_all(values)
        except psycopg.Error as error:
            raise self._lost(error, by, len(messages)) from None
        self._known.update(lines)
        return self._pushed(rows, messages)

    def _is_simple(self, message: Message) -> bool:
        is_plain = message.due is None and message.expires is None and _line(message) in self._known
        return is_plain and not self._connections.pooled and _is_fresh(order(message.id))

    def _push_one(self, message: Message) -> None:
        """A push of a fresh message that is due now, to a known line, in a fraction of the time.

        It fails for a known id, which is faster than to be ready for it.
        """
        queue, number = stored(message.queue).encode(), order(message.id)
        may_tell = self._may_tell(message.queue)
        values = [
            stored(message.id).encode(),
            stored(message.task).encode(),
            queue,
            int2(message.priority),
            float8(clock.shift()),
            None if message.parent is None else stored(message.parent).encode(),
            encode(message),
            int8(number),
            float8(made_by(number) - DAY_SECONDS),
            _news_of(queue) if may_tell else b"",
            int4(self._table or self._found_table()),
        ]
        self._connections.run(self._single, values)
        if may_tell:
            self._told[message.queue] = clock.monotonic()

    @cached_property
    def _single(self) -> Statement:
        return Statement(b"push_one", self._sql("push_one"))

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
            return self._connections.fetch(self._sql("push"), values)

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

    def exchange(
        self,
        ends: Sequence[End],
        worker: str,
        queues: Collection[str] | None,
        limit: int,
        *,
        alone: bool = True,
    ) -> Turn:
        """See `Broker.exchange`."""
        if failpoints.armed:
            hit_before(ends, limit)
        plain = [end for end in ends if is_plain(end)]
        values = [
            stored(worker),
            _wanted(queues),
            min(max(limit, 0), _TOO_LARGE),
            alone,
            *self._heads.arguments(idle=not ends),
            self._table or self._found_table(),
            self._durable(),
            clock.shift(),
        ]
        since = clock.monotonic()
        refused: list[int] = []
        if not ends:
            rows = self._connections.fetch(self._sql("claim"), values)
        elif len(plain) == len(ends):
            rows = self._connections.fetch(self._sql("exchange"), [*plain_arrays(plain), *values])
        else:
            others = [end for end in ends if not is_plain(end)]
            refused, rows = self._exchanged_all(others, [*plain_arrays(plain), *values])
        turn = self._turn(rows, ends, refused, worker, clock.monotonic() - since, queues, limit)
        if failpoints.armed:
            hit_after(ends, turn.claims)
        return turn

    def _exchanged_all(self, others: list[End], values: list[Any]) -> tuple[list[int], list[Row]]:
        """Settle those that need more, then exchange, in one statement."""
        rows = self._connections.fetch(self._sql("exchange_all"), [*self._settle_values(others), *values])
        refused: list[int] = rows[0][0]
        return refused, [row[1:] for row in rows if row[1] is not None]

    def _turn(
        self,
        rows: list[Row],
        ends: Sequence[End],
        refused: list[int],
        worker: str,
        seconds: float,
        queues: Collection[str] | None,
        limit: int,
    ) -> Turn:
        by_ref = {claim.ref: claim for claim, _ in ends}
        gone = [by_ref[seq] for seq in refused]
        claims: list[Row] = []
        looked: Row | None = None
        for row in rows:
            if row[1] is not None:
                claims.append(row)
            elif row[2] is None:
                gone.append(ends_at(ends, row[0]))
            else:
                looked = row
        claims.sort(key=lambda row: (row[9], row[0]))
        if looked is not None and not any(row[7] for row in claims):  # beside a suspect no line is looked at
            last = claims[-1][9] if claims and len(claims) >= min(limit, _TOO_LARGE) else inf
            self._heads.heard(looked[0], looked[8], partial(_is_beyond, queues, last))
            self._heads.looked(full=looked[7], seconds=seconds)
            for row in claims:
                self._heads.claimed((told(row[10]), row[9]), row[0])
        return Turn(gone, self._readable(claims, worker))

    def _readable(self, rows: list[Row], worker: str) -> list[Claim]:
        """The claims of these rows; what cannot be read is parked."""
        try:
            return [claim_of(row, worker) for row in rows]
        except Unreadable:
            pass
        claims = []
        for row in rows:
            try:
                claims.append(claim_of(row, worker))
            except Unreadable as error:
                self._connections.write(self._sql("park"), [stored(str(error)), row[0], row[3]])
        return claims

    # -- waiting

    def wait(self, queues: Collection[str] | None, timeout: float) -> bool:
        """See `Broker.wait`."""
        deadline = clock.monotonic() + timeout
        pause = _FIRST_LOOK_SECONDS
        wanted = None if queues is None else frozenset(map(stored, queues))
        with self._listener.listen(READY, wanted) as ear:
            while True:
                claimable, until_due = self._look(queues)
                left = deadline - clock.monotonic()
                if claimable or left <= 0 or ear.woken:
                    return claimable
                rang = ear.wait(min(left, until_due, pause))
                if ear.heard:
                    return True  # to look first would only take longer
                pause = _FIRST_LOOK_SECONDS if rang else self._recheck_seconds()

    def _recheck_seconds(self) -> float:
        return POLL_SECONDS if self._connections.pooled else RECHECK_SECONDS

    def _look(self, queues: Collection[str] | None) -> tuple[bool, float]:
        since = clock.monotonic()
        values = [_wanted(queues), *self._heads.arguments(idle=True), clock.shift()]
        ((claimable, until_due, full),) = self._connections.fetch(self._sql("look"), values)
        self._heads.looked(full=full, seconds=clock.monotonic() - since)
        return bool(claimable), RECHECK_SECONDS if until_due is None else max(0.0, until_due)


def _is_fresh(order: int) -> bool:
    """Whether an id was made a moment ago: then it is hardly ever one that is known."""
    return 0.0 <= clock.now() - made_by(order) < _FRESH_SECONDS


def _news_of(queue: bytes) -> bytes:
    """What a notice says of something to claim in this queue; not its name where it cannot carry that."""
    return b"r" if len(queue) > _LONGEST_QUEUE or b"\n" in queue else b"r" + queue


def _is_beyond(queues: Collection[str] | None, last: float, line: Line) -> bool:
    """Whether a look at these queues that ended with this priority did not come to this line."""
    queue, priority = line
    return priority > last or (queues is not None and queue not in queues)


def _line(message: Message) -> Line:
    return message.queue, message.priority


def _wanted(queues: Collection[str] | None) -> Texts | None:
    wanted = names(queues)
    return None if wanted is None else texts([stored(queue) for queue in wanted])


def ends_at(ends: Sequence[End], place: int) -> Claim:
    """The claim of the plain end at this place, counted from 1."""
    return [claim for claim, outcome in ends if is_plain((claim, outcome))][place - 1]


def _psycopgs(connection: Any) -> psycopg.Connection[Any]:
    """The driver's connection within whatever wraps it."""
    inner = connection
    while inner is not None and not isinstance(inner, psycopg.Connection):
        inner = next((found for name in _WITHIN if (found := getattr(inner, name, None)) is not None), None)
    if inner is None:
        raise TypeError(f"{type(connection).__name__} is no connection of psycopg 3, nor has one inside")
    return inner
