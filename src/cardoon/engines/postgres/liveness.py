"""Who lives and who does not, on PostgreSQL: beats, retirement and the sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from cardoon import failpoints
from cardoon.engines import retirement
from cardoon.engines.contract import Heard, Retired, Swept, check_order
from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.forgetting import Forgetting
from cardoon.engines.postgres.listener import DONE
from cardoon.engines.postgres.prepared import Row
from cardoon.engines.postgres.rows import claim_of, encode_error, message_arrays, stored, told
from cardoon.engines.postgres.wire import byteas, float8, int2s, int4, int4s, int8s, texts
from cardoon.engines.silence import Silence
from cardoon.model import clock, flow
from cardoon.model.job import Claim, Report
from cardoon.model.message import Message, Unreadable, decode
from cardoon.model.states import State

_TOMBSTONE_SECONDS = 86_400.0
_reports = msgspec.json.Decoder(Report)


class Liveness(Forgetting):
    """Beats, retire and sweep; see the contract for what each verb promises."""

    _silence: Silence

    def beat(self, reports: Sequence[Report]) -> Heard:
        """See `Broker.beat`."""
        if not reports:
            return Heard(set(), {}, {})
        last = {stored(report.worker): msgspec.json.encode(report) for report in reports}
        with self._silence.unless_it_fails():
            rows = self._connections.ask(self._hot["beat"], [texts(last), byteas(last.values())])
        beaten = {worker for worker, _, _ in rows}
        return Heard(
            {told(worker) for worker in last if worker not in beaten},
            {told(worker): what for worker, what, _ in rows if what},
            {told(worker): list(map(told, ids)) for worker, _, ids in rows if ids},
        )

    def order(self, worker: str, what: str) -> bool:
        """See `Broker.order`."""
        check_order(what)
        return self._connections.write(self._sql("order"), [what, stored(worker)]) == 1

    def held(self, worker: str) -> list[Claim]:
        """See `Broker.held`."""
        rows = self._connections.fetch(self._sql("held"), [stored(worker)])
        return [claim for row in rows if (claim := _readable(row, worker)) is not None]

    def workers(self) -> list[Report]:
        """See `Broker.workers`."""
        rows = self._connections.ask(self._hot["workers"], [])
        return [_report(told(worker), report) for worker, report in rows]

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        """See `Broker.retire`."""
        kept = retirement.kept(evidence)
        return self._connections.step(lambda db: self._retire(db, worker, crashed, kept))

    def _retire(self, db: Connection, worker: str, crashed: bool, evidence: str = "") -> Retired:
        name, shift = stored(worker), clock.shift()
        grave = [name, msgspec.json.encode({"worker": worker}), shift]
        if not db.execute(self._sql("retire"), grave).fetchall():
            return Retired([], [])
        db.execute(self._sql("release_worker"), [name])
        rows = db.execute(self._sql("lost"), [name], binary=True).fetchall()
        if not rows:
            return Retired([], [])
        if crashed:
            error = encode_error(retirement.lost(retirement.DIED, evidence))
            db.execute(self._sql("record_crash"), [shift, error, retirement.DIED, name])
        states = self._take_back(db, rows, crashed, evidence)
        self._returned(db)
        self._tell(db, DONE)
        returned = [id for id, state in states.items() if state is State.READY]
        return Retired(returned, [id for id, state in states.items() if state is State.QUARANTINED])

    def _take_back(self, db: Connection, rows: list[Row], crashed: bool, evidence: str) -> dict[str, State]:
        """What becomes of these jobs, by their ids; in as many trips for a hundred as for one."""
        crashes = [row[3] + (crashed and len(rows) == 1) for row in rows]
        fates = [
            retirement.after(crashed, count, row[5] > 0) for row, count in zip(rows, crashes, strict=True)
        ]
        errors = [
            encode_error(retirement.lost(note, evidence)) if state is State.QUARANTINED else None
            for state, note in fates
        ]
        seqs, notes = [row[0] for row in rows], [note for _, note in fates]
        values = [int8s(seqs), int4s(crashes), texts(notes), byteas(errors)]
        db.execute(self._sql("give_back"), [int(not crashed), crashed, *values])
        for row, (state, _) in zip(rows, fates, strict=True):
            if state is not State.READY:
                db.execute(self._sql("bury"), [int8s([row[0]]), state.value, None, 0, clock.shift()])
            if state is State.QUARANTINED:
                self._push_what_follows(db, row[6])
        return {told(row[1]): state for row, (state, _) in zip(rows, fates, strict=True)}

    def _push_what_follows(self, db: Connection, body: bytes) -> None:
        """Push what was to follow the failure of this job."""
        with suppress(Unreadable):
            self._store(db, flow.after_failure(decode(body)))

    def _store(self, db: Connection, messages: Sequence[Message]) -> None:
        if not messages:
            return
        lines = {(m.queue, m.priority) for m in messages}
        known = [texts([stored(queue) for queue, _ in lines]), int2s([priority for _, priority in lines])]
        db.execute(self._sql("know"), known)
        db.execute(self._sql("store"), [*message_arrays(messages), clock.shift()])

    def sweep(self) -> Swept:
        """See `Broker.sweep`."""
        dead = self._silence.dead(self.workers())
        if failpoints.armed and dead:
            failpoints.hit("sweep.seen_dead")
        retired = self._connections.step(lambda db: self._buried(db, dead)) if dead else {}
        due, expired = self._fallen_due()
        if failpoints.armed and (dead or due or expired):
            failpoints.hit("sweep.after_release")
        forgotten, again = self._forget_old(), self._silence.again()
        return Swept(due=due, expired=expired, forgotten=forgotten, dead=retired, again=again)

    def _fallen_due(self) -> tuple[int, int]:
        """How many jobs fell due, and how many expired; sleepers are told."""
        place = int4(self._table or self._found_table())
        ((due, expired, *_),) = self._connections.ask(
            self._hot["sweep_look"], [place, place, float8(clock.shift())]
        )
        return due, expired

    def _buried(self, db: Connection, dead: Collection[str]) -> dict[str, Retired]:
        free = (worker for worker in dead if self._is_free(db, worker))
        retired = {worker: self._retire(db, worker, crashed=True) for worker in free}
        if failpoints.armed:
            failpoints.hit("sweep.middle_of_batch")
        return retired

    def _is_free(self, db: Connection, worker: str) -> bool:
        """Whether nobody retires it at this moment: who stands still within that holds up no other sweep."""
        return bool(db.execute(self._sql("take_worker"), [stored(worker)]).fetchall())


def _readable(row: Row, worker: str) -> Claim | None:
    """The claim of a running row; none of one that was damaged since it was claimed."""
    try:
        return claim_of(row, worker)
    except Unreadable:
        return None


def _report(worker: str, data: Any) -> Report:
    """The report of a worker; of one that cannot be read there is only its silence to judge by."""
    try:
        return _reports.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Report(worker=worker)
