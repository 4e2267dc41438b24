"""The ends of attempts on SQLite: written once, behind the fence, with all that follows from them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from cardoon.engines.contract import End
from cardoon.engines.sqlite.rows import Core, Q, encode_error, fence, push_row, settled_row
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome
from cardoon.model.states import FINAL, State


class Settling(Core):
    """Writes ends in the open transaction; see `Broker.settle` in the contract."""

    def _settle(self, db: sqlite3.Connection, ends: Sequence[End]) -> list[Claim]:
        now = clock.now()
        plain = [end for end in ends if end[1].state in FINAL and not end[1].follow]
        other = [end for end in ends if not (end[1].state in FINAL and not end[1].follow)]
        refused = self._settle_plain(db, plain, now) if plain else []
        return refused + [claim for claim, outcome in other if not self._settle_one(db, claim, outcome, now)]

    def _settle_plain(self, db: sqlite3.Connection, ends: list[End], now: float) -> list[Claim]:
        """Many ends in one statement; only when some do not apply, again one by one to learn which."""
        db.execute("SAVEPOINT ends")
        done = db.executemany(Q["end"], [settled_row(c, o, now) for c, o in ends]).rowcount
        if done == len(ends):
            db.execute("RELEASE ends")
            self._tally(db, Counter((c.message.queue, o.state) for c, o in ends))
            self._attach(db, ends)
            return []
        db.execute("ROLLBACK TO ends")
        db.execute("RELEASE ends")
        return [claim for claim, outcome in ends if not self._settle_one(db, claim, outcome, now)]

    def _settle_one(self, db: sqlite3.Connection, claim: Claim, outcome: Outcome, now: float) -> bool:
        if outcome.state in FINAL:
            return self._finish(db, claim, outcome, now) or _ended_so(db, claim, outcome)
        return self._wait_again(db, claim, outcome, now) or _left_so(db, claim, outcome)

    def _finish(self, db: sqlite3.Connection, claim: Claim, outcome: Outcome, now: float) -> bool:
        if db.execute(Q["end"], settled_row(claim, outcome, now)).rowcount != 1:
            return False
        self._tally(db, {(claim.message.queue, outcome.state): 1})
        self._attach(db, [(claim, outcome)])
        if outcome.follow:
            self._push(db, [push_row(m, now) for m in outcome.follow])
        return True

    def _wait_again(self, db: sqlite3.Connection, claim: Claim, outcome: Outcome, now: float) -> bool:
        changed = outcome.message
        if changed is not None:
            db.execute(Q["know_queue"], (changed.queue,))
        row = db.execute(
            Q["wait_again"],
            {
                "state": outcome.state,
                "now": now,
                "due": outcome.due,
                "uncharged": 0 if outcome.charged else 1,
                "body": envelope.encode(changed) if changed else None,
                "queue": changed.queue if changed else None,
                "priority": changed.priority if changed else None,
                "note": outcome.note,
                "error": encode_error(outcome.error),
                "seq": claim.ref,
                "id": claim.id,
                "token": claim.token,
                "claimed": claim.claimed,
            },
        ).fetchone()
        if row is None:
            return False
        self._attach(db, [(claim, outcome)])
        if row[0] == State.CANCELLED:
            self._tally(db, {(claim.message.queue, State.CANCELLED): 1})
        elif outcome.state is not State.READY:
            self._record(db, claim, outcome, now)
        return True

    @staticmethod
    def _attach(db: sqlite3.Connection, ends: Sequence[End]) -> None:
        """What these attempts logged; the ends that were refused are not among them."""
        rows = [(claim.id, "log", data) for claim, outcome in ends for data in outcome.log]
        if rows:
            db.executemany(Q["annotate"], rows)

    def _record(self, db: sqlite3.Connection, claim: Claim, outcome: Outcome, now: float) -> None:
        error = encode_error(outcome.error)
        row = (claim.id, claim.attempt, outcome.state, now, claim.worker, error, outcome.note)
        db.execute(Q["record_attempt"], row)


def _ended_so(db: sqlite3.Connection, claim: Claim, outcome: Outcome) -> bool:
    """Whether this very end was written already; then its caller repeats, since the answer was lost."""
    started = claim.claimed if outcome.started is None else outcome.started
    end = (started, outcome.state.value, outcome.result, encode_error(outcome.error), outcome.note)
    return db.execute(Q["ended_so"], (*fence(claim)[:-1], *end)).fetchone() is not None


def _left_so(db: sqlite3.Connection, claim: Claim, outcome: Outcome) -> bool:
    """Whether this attempt gave its job back in this very way, and nobody moved it on."""
    return db.execute(Q["left_so"], (*fence(claim), outcome.state.value)).fetchone() is not None
