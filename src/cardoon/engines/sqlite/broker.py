"""The broker's verbs on SQLite: jobs from `push` to the end of an attempt."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from heapq import merge
from typing import Any

import msgspec

from cardoon.engines.contract import Counts, End, OneByOne, QueueInfo, Turn, names
from cardoon.engines.sqlite.rows import RECHECK_SECONDS, Core, Q, encode_error, push_row, settled_row
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.job import Claim
from cardoon.model.message import Message, Unreadable
from cardoon.model.outcome import Outcome
from cardoon.model.states import FINAL, State


class Broker(OneByOne, Core):
    """Carries jobs; see the contract for what each verb promises."""

    def push(self, messages: Sequence[Message]) -> list[bool]:
        """See `Broker.push`."""
        now = clock.now()
        rows = [push_row(m, now) for m in messages]
        with self._files.writing() as db:
            new = self._push(db, rows)
        self._known.update(str(row[2]) for row in rows)
        self._ready.ring()
        return new

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
        with self._files.writing() as db:
            refused = self._settle(db, ends) if ends else []
            claims = self._claim(db, worker, queues, limit, alone) if limit > 0 else []
        if ends:
            self._announce(ends)
        return Turn(refused, claims)

    def _announce(self, ends: Sequence[End]) -> None:
        if any(outcome.state in FINAL for _, outcome in ends):
            self._done.ring()
        if any(outcome.follow or outcome.state not in FINAL for _, outcome in ends):
            self._ready.ring()
            self._done.ring()

    # -- settling

    def _settle(self, db: sqlite3.Connection, ends: Sequence[End]) -> list[Claim]:
        now = clock.now()
        plain = [end for end in ends if end[1].state in FINAL and not end[1].follow]
        other = [end for end in ends if not (end[1].state in FINAL and not end[1].follow)]
        refused = self._settle_plain(db, plain, now) if plain else []
        return refused + [claim for claim, outcome in other if not self._settle_one(db, claim, outcome, now)]

    def _settle_plain(self, db: sqlite3.Connection, ends: list[End], now: float) -> list[Claim]:
        """Many ends in one statement; only when some are refused, again one by one to learn which."""
        db.execute("SAVEPOINT ends")
        done = db.executemany(Q["end"], [settled_row(c, o, now) for c, o in ends]).rowcount
        if done == len(ends):
            db.execute("RELEASE ends")
            self._tally(db, Counter((c.message.queue, o.state) for c, o in ends))
            return []
        db.execute("ROLLBACK TO ends")
        db.execute("RELEASE ends")
        return [claim for claim, outcome in ends if not self._settle_one(db, claim, outcome, now)]

    def _settle_one(self, db: sqlite3.Connection, claim: Claim, outcome: Outcome, now: float) -> bool:
        if outcome.state not in FINAL:
            return self._wait_again(db, claim, outcome, now)
        if db.execute(Q["end"], settled_row(claim, outcome, now)).rowcount != 1:
            return False
        self._tally(db, {(claim.message.queue, outcome.state): 1})
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
            },
        ).fetchone()
        if row is None:
            return False
        if row[0] == State.CANCELLED:
            self._tally(db, {(claim.message.queue, State.CANCELLED): 1})
        if outcome.state is not State.READY:
            self._record(db, claim, outcome, now)
        return True

    def _record(self, db: sqlite3.Connection, claim: Claim, outcome: Outcome, now: float) -> None:
        error = encode_error(outcome.error)
        row = (claim.id, claim.attempt, outcome.state, now, claim.worker, error, outcome.note)
        db.execute(Q["record_attempt"], row)

    # -- claiming

    def _claim(
        self, db: sqlite3.Connection, worker: str, queues: Collection[str] | None, limit: int, alone: bool
    ) -> list[Claim]:
        now = clock.now()
        self._fall_due(db, now)
        if not self._may_claim(db, worker):
            return []
        heads = [
            db.execute(Q["candidates"], (q, limit, alone)).fetchall() for q in self._open_queues(db, queues)
        ]
        chosen = _chosen(merge(*heads) if len(heads) > 1 else (heads[0] if heads else ()), limit)
        if not chosen:
            return []
        rows = db.execute(Q["take"], (worker, now, f"[{','.join(map(str, chosen))}]")).fetchall()
        rows.sort(key=_in_order)
        return [claim for row in rows if (claim := self._readable(db, row, worker, now)) is not None]

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

    def _readable(
        self, db: sqlite3.Connection, row: tuple[Any, ...], worker: str, now: float
    ) -> Claim | None:
        seq, id, body, token, attempt, retries, crashes, suspect, _priority = row
        try:
            message = envelope.decode(body)
            if message.id != id:
                raise Unreadable(f"the row of {id!r} holds the message of {message.id!r}")
        except (Unreadable, TypeError) as error:
            db.execute(Q["park"], (seq, str(error)))
            return None
        return Claim(message, worker, token, attempt, retries, crashes, bool(suspect), seq, now)

    # -- waiting

    def wait(self, queues: Collection[str] | None, timeout: float) -> bool:
        """See `Broker.wait`."""
        deadline = clock.monotonic() + timeout
        with self._ready.listen() as ear:
            while True:
                with self._files.reading() as db:
                    if self._claimable(db, queues):
                        return True
                    due = db.execute(Q["next_due"]).fetchone()[0]
                left = deadline - clock.monotonic()
                if left <= 0 or ear.woken:
                    return False
                until_due = max(0.0, due - clock.now()) if due is not None else RECHECK_SECONDS
                ear.wait(min(left, until_due, RECHECK_SECONDS))

    def _claimable(self, db: sqlite3.Connection, queues: Collection[str] | None) -> bool:
        due = db.execute(Q["next_due"]).fetchone()[0]
        if due is not None and due <= clock.now():
            return True
        return any(db.execute(Q["any_ready"], (q,)).fetchone() for q in self._open_queues(db, queues))

    # -- what operators do

    def cancel(self, ids: Collection[str]) -> dict[str, State]:
        """See `Broker.cancel`."""
        now = clock.now()
        states: dict[str, State] = {}
        with self._files.writing() as db:
            for id in ids:
                for (queue,) in db.execute(Q["cancel"], (id, now)).fetchall():
                    self._tally(db, {(queue, State.CANCELLED): 1})
                db.execute(Q["mark_cancel"], (id,))
                row = db.execute(Q["state_of"], (id,)).fetchone()
                if row is not None:
                    states[id] = State(row[0])
        self._done.ring()
        return states

    def purge(self, queues: Collection[str]) -> int:
        """See `Broker.purge`."""
        now = clock.now()
        with self._files.writing() as db:
            gone = {queue: db.execute(Q["purge"], (queue, now)).rowcount for queue in set(queues)}
            self._tally(db, {(queue, State.CANCELLED): n for queue, n in gone.items() if n})
        self._done.ring()
        return sum(gone.values())

    def pause(self, queue: str) -> None:
        """See `Broker.pause`."""
        self._set_paused(queue, paused=True)

    def resume(self, queue: str) -> None:
        """See `Broker.resume`."""
        self._set_paused(queue, paused=False)
        self._ready.ring()

    def _set_paused(self, queue: str, *, paused: bool) -> None:
        with self._files.writing() as db:
            db.execute(Q["pause"], (queue, paused))

    def unpark(self, tasks: Collection[str]) -> int:
        """See `Broker.unpark`."""
        with self._files.writing() as db:
            back = sum(db.execute(Q["unpark"], (task,)).rowcount for task in set(tasks))
        if back:
            self._ready.ring()
        return back

    def count(self, queues: Collection[str] | None = None) -> Counts:
        """See `Broker.count`."""
        counts: Counts = {}
        with self._files.reading() as db:
            db.execute("BEGIN")
            try:
                for query in ("count_ready", "count_due", "count_running", "count_parked", "count_ended"):
                    for queue, state, n in db.execute(Q[query]):
                        if queues is None or queue in queues:
                            counts.setdefault(queue, {})[State(state)] = n
            finally:
                db.execute("COMMIT")
        return counts

    def queues(self) -> list[QueueInfo]:
        """See `Broker.queues`."""
        with self._files.reading() as db:
            rows = db.execute(Q["all_queues"]).fetchall()
            return [
                QueueInfo(
                    name=name, paused=bool(paused), oldest=db.execute(Q["oldest"], (name,)).fetchone()[0]
                )
                for name, paused in rows
            ]


def _chosen(candidates: Iterable[tuple[int, int, int]], limit: int) -> list[int]:
    """Which to take: a suspect only by itself, else all before the next one."""
    chosen: list[int] = []
    for _priority, seq, suspect in candidates:
        if suspect and chosen:
            break
        chosen.append(seq)
        if suspect or len(chosen) == limit:
            break
    return chosen


def _in_order(row: tuple[Any, ...]) -> tuple[bool, Any, int]:
    """By priority, then age; as in SQLite, a priority that is no number comes last."""
    return not isinstance(row[-1], int), row[-1], row[0]
