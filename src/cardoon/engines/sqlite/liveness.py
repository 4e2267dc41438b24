"""Who lives and who does not, on SQLite: beats, retirement and the sweep."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from math import inf

import msgspec

from cardoon.engines.contract import SOLO_CRASHES_TO_QUARANTINE, Retired, Swept
from cardoon.engines.silence import Silence
from cardoon.engines.sqlite.rows import Core, Q, encode_error
from cardoon.model import clock
from cardoon.model.job import Report
from cardoon.model.outcome import ErrorReport
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

    def beat(self, reports: Sequence[Report]) -> set[str]:
        """See `Broker.beat`."""
        with self._silence.unless_it_fails(), self._files.writing() as db:
            return {
                r.worker
                for r in reports
                if db.execute(Q["beat"], (r.worker, msgspec.json.encode(r))).rowcount != 1
            }

    def workers(self) -> list[Report]:
        """See `Broker.workers`."""
        with self._files.reading() as db:
            return [_report(id, report) for id, report in db.execute(Q["workers"])]

    def retire(self, worker: str, *, crashed: bool = True) -> Retired:
        """See `Broker.retire`."""
        with self._files.writing() as db:
            retired = self._retire(db, worker, crashed)
        self._ready.ring()
        self._done.ring()
        return retired

    def _retire(self, db: sqlite3.Connection, worker: str, crashed: bool) -> Retired:
        now = clock.now()
        if db.execute(Q["retire"], (worker, now)).rowcount != 1:
            db.execute(Q["bury"], (worker, msgspec.json.encode({"worker": worker}), now))
        db.execute(Q["release_worker"], (worker,))
        held = db.execute(Q["held"], (worker,)).fetchall()
        retired = Retired([], [])
        for seq, id, queue, attempt, crashes, suspect, cancel in held:
            crashes += int(crashed and len(held) == 1)
            state, note, error = _after_retirement(crashed, crashes, bool(cancel))
            if crashed:
                died = (id, attempt, State.READY, now, worker, None, "its worker died")
                db.execute(Q["record_attempt"], died)
            end = None if state is State.READY else now
            row = (
                seq,
                state,
                int(not crashed),
                crashes,
                int(crashed or suspect),
                end,
                note,
                encode_error(error),
            )
            db.execute(Q["give_back"], row)
            if end is not None:
                self._tally(db, {(queue, state): 1})
            if state is State.READY:
                retired.returned.append(id)
            elif state is State.QUARANTINED:
                retired.quarantined.append(id)
        return retired

    def sweep(self) -> Swept:
        """See `Broker.sweep`."""
        now = clock.now()
        dead = self._silence.dead(self.workers())
        with self._files.reading() as db:
            due, expiry = (db.execute(Q[query]).fetchone()[0] for query in ("next_due", "next_expiry"))
        late = any(moment is not None and moment <= now for moment in (due, expiry))
        forgotten = self._forget_old(now)
        if not (dead or late):
            return Swept(forgotten=forgotten)
        with self._files.writing() as db:
            retired = {worker: self._retire(db, worker, crashed=True) for worker in dead}
            promoted = db.execute(Q["promote"], (now,)).rowcount
            expired = db.execute(Q["expire"], (now,)).fetchall()
            self._tally(db, Counter((queue, State.EXPIRED) for (queue,) in expired))
            db.execute(Q["forget_workers"], (now - _TOMBSTONE_SECONDS,))
        self._ready.ring()
        self._done.ring()
        return Swept(due=promoted, expired=len(expired), forgotten=forgotten, dead=retired)

    def _forget_old(self, now: float) -> int:
        """Walk over the table a window at a time, at leisure unless there is much to forget."""
        start, not_before = self._window_at
        if self._retention == inf or clock.monotonic() < not_before:
            return 0
        with self._files.reading() as db:
            stop = db.execute(Q["next_window"], (start, _WINDOW)).fetchone()[0]
            old = db.execute(Q["old"], (start, stop or start, now - self._retention)).fetchall()
        self._window_at = stop or 0, clock.monotonic() + (0.0 if old else _WINDOW_SECONDS)
        self._forget(old)
        return len(old)

    def _forget(self, ids: Collection[tuple[str]]) -> None:
        if not ids:
            return
        with self._files.writing() as db:
            for query in ("forget", "forget_attempts", "forget_annotations"):
                db.executemany(Q[query], ids)


def _report(id: str, data: bytes) -> Report:
    """The report of a worker; of one that cannot be read there is only its silence to judge by."""
    try:
        return _reports.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
        return Report(worker=id)


def _after_retirement(crashed: bool, crashes: int, cancel: bool) -> tuple[State, str, ErrorReport | None]:
    if cancel:
        return State.CANCELLED, "cancelled; its worker is gone", None
    if crashed and crashes >= SOLO_CRASHES_TO_QUARANTINE:
        words = f"its workers died under it {crashes} times while it ran alone"
        return (
            State.QUARANTINED,
            words,
            ErrorReport(module="cardoon.model.errors", type="WorkerLostError", message=words),
        )
    return State.READY, "", None
