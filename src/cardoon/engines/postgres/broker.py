"""The way of a job on PostgreSQL: claimed, settled, waited for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from math import inf

from cardoon import failpoints
from cardoon.engines.contract import End, Turn, names
from cardoon.engines.exchange import OneByOne, hit_after, hit_before
from cardoon.engines.postgres.heads import Line
from cardoon.engines.postgres.listener import READY, Ear, Pauses
from cardoon.engines.postgres.prepared import Row
from cardoon.engines.postgres.pushing import Pushing
from cardoon.engines.postgres.rows import claim_of, stored
from cardoon.engines.postgres.settling import Settling, is_plain, plain_arrays
from cardoon.engines.postgres.wire import Texts, bool_, float8, int4, texts
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Unreadable

_FEW = 2
"""Who settles more at once than these has more to do than to listen."""
_TOO_LARGE = 2**31 - 1


class Broker(Pushing, OneByOne, Settling):
    """Carries jobs; see the contract for what each verb promises."""

    def exchange(
        self,
        ends: Sequence[End],
        worker: str,
        queues: Collection[str] | None,
        limit: int,
        *,
        alone: bool = True,
        will_wait: bool = False,
    ) -> Turn:
        """See `Broker.exchange`."""
        if failpoints.armed:
            hit_before(ends, limit)
        plain = [end for end in ends if is_plain(end)]
        values = [
            stored(worker).encode(),
            _wanted(queues),
            int4(min(max(limit, 0), _TOO_LARGE)),
            bool_(alone),
            *self._heads.arguments(idle=not ends),
            int4(self._table or self._found_table()),
            bool_(self._durable()) if self._connections.pooled else None,
            float8(clock.shift()),
        ]
        ear = self._lie_down(queues) if will_wait and limit > 0 and len(ends) <= _FEW else None
        since = clock.monotonic()
        refused: list[int] = []
        if not ends:
            rows = self._connections.ask(self._hot("claim"), values)
        elif len(plain) == len(ends):
            rows = self._connections.ask(self._hot("exchange"), [*plain_arrays(plain), *values])
        else:
            others = [end for end in ends if not is_plain(end)]
            refused, rows = self._exchanged_all(others, [*plain_arrays(plain), *values])
        turn = self._turn(rows, ends, refused, worker, clock.monotonic() - since, queues, limit)
        if ear is not None:
            self._after_exchange(ear, turn, rows)
        if failpoints.armed:
            hit_after(ends, turn.claims)
        return turn

    def _exchanged_all(self, others: list[End], values: list[bytes | None]) -> tuple[list[int], list[Row]]:
        """Settle those that need more, then exchange, in one statement."""
        rows = self._connections.ask(self._hot("exchange_all"), [*self._settle_values(others), *values])
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
            self._heads.heard(looked[0], looked[8], partial(_is_beyond, _stored_all(queues), last))
            self._heads.looked(full=looked[7], seconds=seconds)
            for row in claims:
                self._heads.claimed((row[10], row[9]), row[0])
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

    def _lie_down(self, queues: Collection[str] | None) -> Ear | None:
        """Listen before the exchange already, so that nobody need look after it."""
        return self._listener.listen_early(READY, _stored_all(queues))

    def _after_exchange(self, ear: Ear, turn: Turn, rows: list[Row]) -> None:
        if turn.claims:
            self._listener.cease(READY)
        elif rows:
            due = rows[-1][11]
            ear.until = inf if due is None else clock.monotonic() + due - rows[-1][8]

    def wait(self, queues: Collection[str] | None, timeout: float, *, alone: bool = True) -> bool:
        """See `Broker.wait`."""
        deadline = clock.monotonic() + timeout
        pauses = Pauses(self._connections.pooled)
        with self._listener.listen(READY, _stored_all(queues)) as ear:
            while True:
                claimable, until = self._looked(ear, queues, alone, deadline)
                left = deadline - clock.monotonic()
                if claimable or left <= 0 or ear.woken:
                    return claimable
                until_due = max(0.0, until - clock.monotonic())
                pause = min(left, pauses.next)
                rang = ear.wait(min(until_due, pause))
                if ear.heard or (not rang and until_due <= pause):
                    return True  # to look first would only take longer
                pauses.over(rang)

    def has_suspects(self, queues: Collection[str] | None) -> bool:
        """See `Broker.has_suspects`."""
        ((has,),) = self._connections.fetch(self._sql("has_suspects"), [_wanted(queues)] * 2)
        return bool(has)

    def _looked(
        self, ear: Ear, queues: Collection[str] | None, alone: bool, deadline: float
    ) -> tuple[bool, float]:
        """Whether there may be something to claim, and when the next job falls due."""
        until, ear.until = ear.until, None
        if until is None or ear.woken or deadline <= clock.monotonic():
            return self._look(queues, alone)
        return ear.heard, until  # `exchange` looked

    def _look(self, queues: Collection[str] | None, alone: bool) -> tuple[bool, float]:
        since = clock.monotonic()
        values = [_wanted(queues), *self._heads.arguments(idle=True), float8(clock.shift()), bool_(alone)]
        ((claimable, until_due, full),) = self._connections.ask(self._hot("look"), values)
        self._heads.looked(full=full, seconds=clock.monotonic() - since)
        return bool(claimable), inf if until_due is None else clock.monotonic() + until_due


def _is_beyond(queues: frozenset[str] | None, last: float, line: Line) -> bool:
    """Whether a look at these queues that ended with this priority did not come to this line."""
    queue, priority = line
    return priority > last or (queues is not None and queue not in queues)


def _stored_all(queues: Collection[str] | None) -> frozenset[str] | None:
    return None if queues is None else frozenset(map(stored, queues))


def _wanted(queues: Collection[str] | None) -> Texts | None:
    wanted = names(queues)
    return None if wanted is None else texts([stored(queue) for queue in wanted])


def ends_at(ends: Sequence[End], place: int) -> Claim:
    """The claim of the plain end at this place, counted from 1."""
    return [claim for claim, outcome in ends if is_plain((claim, outcome))][place - 1]
