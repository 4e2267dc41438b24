"""The way of a job on PostgreSQL: claimed, settled, waited for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from math import inf

from cardoon import failpoints
from cardoon.engines.contract import End, Turn, names
from cardoon.engines.exchange import OneByOne, hit_after, hit_before
from cardoon.engines.postgres.heads import Line, Look
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
        plain, look = [end for end in ends if is_plain(end)], self._heads.look(idle=not ends)
        values = [
            stored(worker).encode(),
            _wanted(queues),
            int4(min(max(limit, 0), _TOO_LARGE)),
            bool_(alone),
            *look.arguments,
            int4(self._table or self._found_table()),
            bool_(self._durable()) if self._connections.pooled else None,
            float8(clock.shift()),
        ]
        ear = self._lie_down(queues) if will_wait and limit > 0 and len(ends) <= _FEW else None
        refused: list[int] = []
        if not ends:
            rows = self._connections.ask(self._hot["claim"], values)
        elif len(plain) == len(ends):
            rows = self._connections.ask(self._hot["exchange"], [*plain_arrays(plain), *values])
        else:
            others = [end for end in ends if not is_plain(end)]
            refused, rows = self._exchanged_all(others, [*plain_arrays(plain), *values])
        turn = self._turn(rows, ends, refused, worker, look, queues, limit)
        if ear is not None:
            self._after_exchange(ear, turn, rows)
        if failpoints.armed:
            hit_after(ends, turn.claims)
        return turn

    def _exchanged_all(self, others: list[End], values: list[bytes | None]) -> tuple[list[int], list[Row]]:
        """Settle those that need more, then exchange, in one statement."""
        rows = self._connections.ask(self._hot["exchange_all"], [*self._settle_values(others), *values])
        refused: list[int] = rows[0][0]
        return refused, [row[1:] for row in rows if row[1] is not None]

    def _turn(
        self,
        rows: list[Row],
        ends: Sequence[End],
        refused: list[int],
        worker: str,
        look: Look,
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
            self._looked_at(look, looked, claims, queues, is_all=len(claims) < min(limit, _TOO_LARGE))
        return Turn(gone, self._readable(claims, worker))

    def _looked_at(
        self, look: Look, looked: Row, claims: list[Row], queues: Collection[str] | None, *, is_all: bool
    ) -> None:
        """What a look says of the lines, in whose order its claims are; it saw all, unless it had enough."""
        last = {(row[10], row[9]): row[0] for row in claims}
        upto = inf if is_all else claims[-1][9]
        passed_over = partial(_is_beyond, _stored_all(queues), upto, last)
        self._heads.claimed(look, last, passed_over, full=looked[7], is_all=is_all)
        self._heads.heard(looked[0], looked[8], passed_over)
        self._heads.looked(look, full=looked[7])

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
        look = self._heads.look(idle=True)
        values = [_wanted(queues), *look.arguments, float8(clock.shift()), bool_(alone)]
        ((claimable, until_due, full),) = self._connections.ask(self._hot["look"], values)
        self._heads.looked(look, full=full, found=claimable)
        return bool(claimable), inf if until_due is None else clock.monotonic() + until_due


def _is_beyond(queues: frozenset[str] | None, upto: float, claimed: Collection[Line], line: Line) -> bool:
    """Whether a look at these queues, which had enough at this priority, did not come to this line."""
    queue, priority = line
    is_behind = priority > upto or (priority == upto and line not in claimed)
    return is_behind or (queues is not None and queue not in queues)


def _stored_all(queues: Collection[str] | None) -> frozenset[str] | None:
    return None if queues is None else frozenset(map(stored, queues))


def _wanted(queues: Collection[str] | None) -> Texts | None:
    wanted = names(queues)
    return None if wanted is None else texts([stored(queue) for queue in wanted])


def ends_at(ends: Sequence[End], place: int) -> Claim:
    """The claim of the plain end at this place, counted from 1."""
    return [claim for claim, outcome in ends if is_plain((claim, outcome))][place - 1]
