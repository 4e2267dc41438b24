"""Who lives and who does not, on SQLite: beats, retirement and the sweep."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from math import inf
from typing import Any

import msgspec

from cardoon import failpoints
from cardoon.engines import retirement
from cardoon.engines.contract import Heard, Retired, Swept, check_order
from cardoon.engines.silence import Silence
from cardoon.engines.sqlite.rows import Core, Q, claim_of, encode_error, push_row
from cardoon.model import clock, flow
from cardoon.model.job import Claim, Report
from cardoon.model.message import Unreadable, decode
from cardoon.model.states import State

_TOMBSTONE_SECONDS = 86_400.0
_WINDOW = 1_000
_WINDOW_SECONDS = 5.0

_reports = msgspec.json.Decoder(Report)


class Liveness(Core):
    """Beats, retire and sweep; see the contract for what each verb promises."""

    _silence: Silence
    _retention: float
    _window_at: tuple[int, float]

    def beat(self, reports: Sequence[Report]) -> Heard:
        """See `Broker.beat`."""
        heard = Heard(set(), {}, {})
        with self._silence.unless_it_fails(), self._files.writing() as db:
            for report in reports:
                row = db.execute(Q["beat"], (report.worker, msgspec.json.encode(report))).fetchone()
                if row is None:
                    heard.retired.add(report.worker)
                elif row[0]:
                    heard.orders[report.worker] = row[0]
        workers = json.dumps([report.worker for report in reports])
        with self._files.reading() as db:  # apart: nobody else's turn need wait for it
            for worker, id in db.execute(Q["to_end"], (workers,)):
                heard.terminate.setdefault(worker, []).append(id)
        return heard

    def order(self, worker: str, what: str) -> bool:
        """See `Broker.order`."""
        check_order(what)
        with self._files.writing() as db:
            return db.execute(Q["order"], (worker, what)).rowcount == 1

    def held(self, worker: str) -> list[Claim]:
        """See `Broker.held`."""
        with self._files.reading() as db:
            rows = db.execute(Q["held"], (worker,)).fetchall()
        return [claim for row in rows if (claim := _readable(row, worker)) is not None]

    def workers(self) -> list[Report]:
        """See `Broker.workers`."""
        with self._files.reading() as db:
            return [_report(id, report) for id, report in db.execute(Q["workers"])]

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        """See `Broker.retire`."""
        with self._files.writing() as db:
            retired = self._retire(db, worker, crashed, retirement.kept(evidence))
        self._ready.ring()
        self._done.ring()
        return retired

    def _retire(self, db: sqlite3.Connection, worker: str, crashed: bool, evidence: str = "") -> Retired:
        now = clock.now()
        if db.execute(Q["retire"], (worker, now)).rowcount != 1:
            db.execute(Q["bury"], (worker, msgspec.json.encode({"worker": worker}), now))
        db.execute(Q["release_worker"], (worker,))
        rows = db.execute(Q["lost"], (worker,)).fetchall()
        if crashed:
            self._blame(db, rows, worker, evidence, now)
        solo = crashed and len(rows) == 1
        states = {row[1]: self._take_back(db, row, crashed, solo, evidence) for row in rows}
        returned = [id for id, state in states.items() if state is State.READY]
        return Retired(returned, [id for id, state in states.items() if state is State.QUARANTINED])

    def _blame(
        self, db: sqlite3.Connection, rows: list[tuple[Any, ...]], worker: str, evidence: str, now: float
    ) -> None:
        """Keep the attempts that ended with this worker, with what is known of its end."""
        error = encode_error(retirement.lost(retirement.DIED, evidence))
        died = [(row[1], row[3], State.READY.value, now, worker, error, retirement.DIED) for row in rows]
        db.executemany(Q["record_attempt"], died)

    def _take_back(
        self, db: sqlite3.Connection, row: tuple[Any, ...], crashed: bool, solo: bool, evidence: str
    ) -> State:
        seq, _id, queue, _attempt, crashes, suspect, cancel = row
        now, crashes = clock.now(), crashes + solo
        state, note = retirement.after(crashed, crashes, bool(cancel))
        poison = state is State.QUARANTINED
        error = encode_error(retirement.lost(note, evidence)) if poison else None
        end = None if state is State.READY else now
        suspect = int(crashed or suspect)
        db.execute(Q["give_back"], (seq, state, int(not crashed), crashes, suspect, end, note, error))
        if end is not None:
            self._tally(db, {(queue, state): 1})
        if poison:
            self._push_what_follows(db, seq, now)
        return state

    def _push_what_follows(self, db: sqlite3.Connection, seq: int, now: float) -> None:
        """Push what was to follow the failure of this job."""
        with suppress(Unreadable, TypeError):
            message = decode(db.execute(Q["body"], (seq,)).fetchone()[0])
            self._push(db, [push_row(m, now) for m in flow.after_failure(message)])

    def sweep(self) -> Swept:
        """See `Broker.sweep`."""
        now = clock.now()
        dead = self._silence.dead(self.workers())
        with self._files.reading() as db:
            due, expiry = (db.execute(Q[query]).fetchone()[0] for query in ("next_due", "next_expiry"))
        late = any(moment is not None and moment <= now for moment in (due, expiry))
        forgotten = self._forget_old(now)
        if not (dead or late):
            return Swept(forgotten=forgotten, again=self._silence.again())
        if failpoints.armed and dead:
            failpoints.hit("sweep.seen_dead")
        with self._files.writing() as db:
            retired = {worker: self._retire(db, worker, crashed=True) for worker in dead}
            if failpoints.armed:
                failpoints.hit("sweep.middle_of_batch")
            promoted = db.execute(Q["promote"], (now,)).rowcount
            expired = db.execute(Q["expire"], (now,)).fetchall()
            self._tally(db, Counter((queue, State.EXPIRED) for (queue,) in expired))
            db.execute(Q["forget_workers"], (now - _TOMBSTONE_SECONDS,))
        if failpoints.armed:
            failpoints.hit("sweep.after_release")
        self._ready.ring()
        self._done.ring()
        again = self._silence.again()
        return Swept(due=promoted, expired=len(expired), forgotten=forgotten, dead=retired, again=again)

    def _forget_old(self, now: float) -> int:
        """Walk over the table a window at a time, at leisure unless there is much to forget."""
        before = now - self._retention
        start, not_before = self._window_at
        if self._retention == inf or clock.monotonic() < not_before:
            return 0
        with self._files.reading() as db:
            stop = db.execute(Q["next_window"], (start, _WINDOW)).fetchone()[0]
            old = [id for (id,) in db.execute(Q["old"], (start, stop or start, before))]
        self._window_at = stop or 0, clock.monotonic() + (0.0 if old else _WINDOW_SECONDS)
        return self._forget(old, before) if old else 0

    def _forget(self, ids: Collection[str], before: float) -> int:
        with self._files.writing() as db:
            gone = [id for id in ids if db.execute(Q["forget"], (id, before)).rowcount == 1]
            self._forget_attached(db, gone)
        return len(gone)


def _readable(row: tuple[Any, ...], worker: str) -> Claim | None:
    """The claim of a running row; none of one that was damaged since it was claimed."""
    try:
        return claim_of(row, worker)
    except (Unreadable, TypeError):
        return None


def _report(id: str, data: bytes) -> Report:
    """The report of a worker; of one that cannot be read there is only its silence to judge by."""
    try:
        return _reports.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
        return Report(worker=id)
