"""The way of a job on SQLite: pushed, claimed, waited for."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from heapq import merge
from itertools import islice
from typing import Any

import msgspec

from cardoon import failpoints
from cardoon.engines.contract import (
    End,
    Turn,
    lost_by,
    names,
)
from cardoon.engines.exchange import OneByOne, hit_after, hit_before
from cardoon.engines.sqlite.rows import RECHECK_SECONDS, Q, claim_of, fence, push_row
from cardoon.engines.sqlite.settling import Settling
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message, Unreadable
from cardoon.model.states import FINAL, State


class Broker(OneByOne, Settling):
    """Carries jobs; see the contract for what each verb promises."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        """See `Broker.push`."""
        if failpoints.armed:
            failpoints.hit("enq.before_send")
        now = clock.now()
        if len(messages) == 1 and by is None and messages[0].queue in self._known and not failpoints.armed:
            return [self._push_one(push_row(messages[0], now))]
        rows = [push_row(m, now) for m in messages]
        with self._files.writing() as db:
            if by is not None and db.execute(Q["owns"], fence(by)).fetchone() is None:
                raise lost_by(by, len(rows))
            new = self._push(db, rows)
            if failpoints.armed:
                failpoints.hit("enq.batch_middle")
        if failpoints.armed:
            failpoints.hit("enq.after_commit")
        self._known.update(str(row[2]) for row in rows)
        self._ready.ring()
        if failpoints.armed:
            failpoints.hit("enq.after_send_before_reply")
        return new

    def _push_one(self, row: tuple[object, ...]) -> bool:
        with self._files.writing(at_once=True) as db:
            is_new = db.execute(Q["push"], row).rowcount == 1
        self._ready.ring()
        return is_new

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
        with self._files.writing() as db:
            refused = self._settle(db, ends) if ends else []
            claims = self._claim(db, worker, queues, limit, alone) if limit > 0 else []
        if failpoints.armed:
            hit_after(ends, claims)
        if ends:
            self._announce(ends)
        return Turn(refused, claims)

    def _announce(self, ends: Sequence[End]) -> None:
        if any(outcome.state in FINAL for _, outcome in ends):
            self._done.ring()
        if any(outcome.follow or outcome.state not in FINAL for _, outcome in ends):
            self._ready.ring()
            self._done.ring()

    # -- claiming

    def _claim(
        self, db: sqlite3.Connection, worker: str, queues: Collection[str] | None, limit: int, alone: bool
    ) -> list[Claim]:
        now = clock.now()
        self._fall_due(db, now)
        if not self._may_claim(db, worker):
            return []
        lines = self._open_queues(db, queues)
        chosen = (self._suspect(db, lines) if alone else []) or self._head(db, lines, limit)
        if not chosen:
            return []
        taken = db.execute(Q["take"], (worker, now, f"[{','.join(map(str, chosen))}]"))
        rows = {row[0]: row for row in taken}
        return self._readable(db, [rows[seq] for seq in chosen], worker)

    @staticmethod
    def _suspect(db: sqlite3.Connection, queues: list[str]) -> list[int]:
        """The oldest of the suspects that wait, by itself."""
        found = [row for queue in queues for row in db.execute(Q["suspect"], (queue,))]
        return list(min(found)) if found else []

    @staticmethod
    def _head(db: sqlite3.Connection, queues: list[str], limit: int) -> list[int]:
        heads = [db.execute(Q["candidates"], (queue, limit)).fetchall() for queue in queues]
        line = heads[0] if len(heads) == 1 else islice(merge(*heads, key=_in_order), limit)
        return [seq for _priority, seq in line]

    def _fall_due(self, db: sqlite3.Connection, now: float) -> int:
        due = db.execute(Q["promote"], (now,)).rowcount
        expired = db.execute(Q["expire"], (now,)).fetchall()
        if expired:
            self._tally(db, Counter((queue, State.EXPIRED) for (queue,) in expired))
        return due

    def _may_claim(self, db: sqlite3.Connection, worker: str) -> bool:
        row = db.execute(Q["worker"], (worker,)).fetchone()
        if row is None:
            db.execute(Q["meet"], (worker, msgspec.json.encode({"worker": worker})))
            return True
        return row[0] is None

    def _open_queues(self, db: sqlite3.Connection, queues: Collection[str] | None) -> list[str]:
        is_open = [name for (name,) in db.execute(Q["open_queues"])]
        wanted = names(queues)
        return is_open if wanted is None else [name for name in wanted if name in is_open]

    def _readable(self, db: sqlite3.Connection, rows: list[tuple[Any, ...]], worker: str) -> list[Claim]:
        """The claims of these rows; what cannot be read is parked."""
        try:
            return [claim_of(row, worker) for row in rows]
        except (Unreadable, TypeError) as error:
            if len(rows) == 1:
                db.execute(Q["park"], (rows[0][0], str(error)))
                return []
        return [claim for row in rows for claim in self._readable(db, [row], worker)]

    # -- waiting

    def wait(self, queues: Collection[str] | None, timeout: float, *, alone: bool = True) -> bool:
        """See `Broker.wait`."""
        deadline = clock.monotonic() + timeout
        with self._ready.listen() as ear:
            while True:
                with self._files.reading() as db:
                    if self._claimable(db, queues, alone):
                        return True
                    due = db.execute(Q["next_due"]).fetchone()[0]
                left = deadline - clock.monotonic()
                if left <= 0 or ear.woken:
                    return False
                until_due = max(0.0, due - clock.now()) if due is not None else RECHECK_SECONDS
                ear.wait(min(left, until_due, RECHECK_SECONDS))

    def has_suspects(self, queues: Collection[str] | None) -> bool:
        """See `Broker.has_suspects`."""
        with self._files.reading() as db:
            return bool(self._suspect(db, self._open_queues(db, queues)))

    def _claimable(self, db: sqlite3.Connection, queues: Collection[str] | None, alone: bool) -> bool:
        due = db.execute(Q["next_due"]).fetchone()[0]
        if due is not None and due <= clock.now():
            return True
        lines = self._open_queues(db, queues)
        return bool(self._head(db, lines, 1) or (alone and self._suspect(db, lines)))


def _in_order(candidate: tuple[Any, int]) -> tuple[bool, Any, int]:
    """By priority, then age; as in SQLite, a priority that is no number comes last."""
    priority, seq = candidate
    return not isinstance(priority, int), priority, seq
