"""The way of a job on PostgreSQL: pushed, claimed, waited for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
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
from cardoon.engines.postgres.rows import claim_of, fence, made, message_arrays, message_values, stored, told
from cardoon.engines.postgres.settling import Settling, is_plain, plain_arrays
from cardoon.engines.postgres.wire import Texts, int2s, teach, texts
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message, Unreadable

RECHECK_SECONDS = 1.0
"""A notice is a hint and the tables are the truth: whoever sleeps looks that often anyway."""
_FIRST_LOOK_SECONDS = 0.01
"""So much later a sleeper looks again: who was committing when it lay down sends it nothing."""
POLL_SECONDS = 0.1
_TELL_AGAIN_SECONDS = 0.002
_FRESH_SECONDS = 60.0
_WITHIN = ("driver_connection", "connection", "dbapi_connection")
_WITH_NOTICE = 2
_TOO_LARGE = 2**31 - 1


class Broker(OneByOne, Settling):
    """Carries jobs; see the contract for what each verb promises."""

    _told: dict[str, float]
    """When it was last asked here whether somebody waits for each queue."""
    _push_one_query: bytes

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        """See `Broker.push`."""
        if failpoints.armed:
            failpoints.hit("enq.before_send")
        if len(messages) == 1 and by is None and not failpoints.armed and self._is_simple(messages[0]):
            with suppress(KnownId):
                return [self._push_one(messages[0])]
        try:
            new = self._push_many(messages, by, careful=False)
        except KnownId:  # another stored one of the ids at this moment: now it is there
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
        return is_plain and 0.0 <= clock.now() - made(message.id) < _FRESH_SECONDS

    def _push_one(self, message: Message) -> bool:
        may_tell = self._may_tell(message.queue)
        values = [*message_values(message), may_tell, clock.shift()]
        answer: int = self._connections.fetch(self._push_one_query or self._made_query(), values)[0][0]
        if may_tell:
            self._told[message.queue] = clock.monotonic()
        return answer > 0

    def _made_query(self) -> bytes:
        """The query with what never changes written into it: each value costs as it is sent."""
        place, durable = str(self._table or self._found_table()), str(self._durable()).lower()
        query = self._sql("push_one").replace(b"{place}", place.encode())
        self._push_one_query = query.replace(b"{durable}", durable.encode())
        return self._push_one_query

    def push_on(self, connection: Any, messages: Sequence[Message]) -> list[bool]:
        """Push within the transaction that is open on the caller's connection; its end is the caller's.

        `connection` is psycopg's, or has psycopg's inside (SQLAlchemy, Django). What is rolled back was
        never pushed, and the commit is as durable as the profile says.
        """
        raw = _psycopgs(connection)
        values, _lines = self._to_push(messages, None, careful=True)
        self._open_once()
        try:
            with raw.cursor(row_factory=tuple_row) as cursor:
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
        values = [
            *message_arrays(messages),
            careful or len({m.id for m in messages}) < len(messages),
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
            *plain_arrays(plain),
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
        if len(plain) == len(ends):
            refused: list[int] = []
            rows = self._connections.fetch(self._sql("exchange"), values)
        else:
            refused, rows = self._exchanged_all([end for end in ends if not is_plain(end)], values)
        turn = self._turn(rows, ends, refused, worker, clock.monotonic() - since)
        if failpoints.armed:
            hit_after(ends, turn.claims)
        return turn

    def _exchanged_all(self, others: list[End], values: list[Any]) -> tuple[list[int], list[Row]]:
        """Settle those that need more, then exchange, in one statement."""
        rows = self._connections.fetch(self._sql("exchange_all"), [*self._settle_values(others), *values])
        refused: list[int] = rows[0][0]
        return refused, [row[1:] for row in rows if row[1] is not None]

    def _turn(
        self, rows: list[Row], ends: Sequence[End], refused: list[int], worker: str, seconds: float
    ) -> Turn:
        by_ref = {claim.ref: claim for claim, _ in ends}
        gone = [by_ref[seq] for seq in refused]
        claims: list[Row] = []
        for row in rows:
            if row[1] is not None:
                claims.append(row)
            elif row[2] is None:
                gone.append(ends_at(ends, row[0]))
            else:
                self._heads.heard(row[0], row[8])
                self._heads.looked(full=row[7], seconds=seconds)
        claims.sort(key=lambda row: (row[9], row[0]))
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
