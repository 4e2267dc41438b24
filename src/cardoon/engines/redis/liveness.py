"""Who lives and who does not, on Redis: beats, retirement and the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import msgspec

from cardoon import failpoints
from cardoon.engines import retirement
from cardoon.engines.contract import Heard, Retired, Swept, check_order
from cardoon.engines.redis.core import Core, packed_messages
from cardoon.engines.redis.keys import id_of, key_of
from cardoon.engines.redis.records import (
    CANCELLING,
    CODES,
    Record,
    body_of,
    claim_of,
    encode_error,
    record_of,
)
from cardoon.engines.redis.wire import Value, packed
from cardoon.engines.silence import Silence
from cardoon.model import clock, flow
from cardoon.model.errors import EngineBusy
from cardoon.model.job import Claim, Report
from cardoon.model.message import Message, Unreadable, decode
from cardoon.model.states import State

_BUCKETS = 10
_WINDOW_SECONDS = 5.0
_TOMBSTONE_SECONDS = 86_400.0
_TRIES = 50

_reports = msgspec.json.Decoder(Report)


class Liveness(Core):
    """Beats, retire and sweep; see the contract for what each verb promises."""

    _silence: Silence
    _window_at: tuple[int, float]

    def beat(self, reports: Sequence[Report]) -> Heard:
        """See `Broker.beat`."""
        values = [value for report in reports for value in (report.worker, msgspec.json.encode(report))]
        heard = Heard(set(), {}, {})
        with self._silence.unless_it_fails():
            told = self._server.run("beat", *values) if reports else []
        for report, (retired, order, to_end) in zip(reports, told, strict=True):
            if retired:
                heard.retired.add(report.worker)
            if order:
                heard.orders[report.worker] = order.decode()
            if to_end:
                heard.terminate[report.worker] = sorted(map(id_of, to_end))
        return heard

    def order(self, worker: str, what: str) -> bool:
        """See `Broker.order`."""
        check_order(what)
        return bool(self._server.run("order", worker, what))

    def held(self, worker: str) -> list[Claim]:
        """See `Broker.held`."""
        claims = [_readable(id, record, worker) for id, record in self._held(worker)]
        return [claim for claim in claims if claim is not None]

    def _held(self, worker: str) -> list[tuple[str, Record]]:
        told = self._server.run("held", worker)
        held = [(id_of(key), record_of(kept)) for key, kept in zip(told[::2], told[1::2], strict=True)]
        return sorted(held, key=lambda found: found[1].seq)

    def workers(self) -> list[Report]:
        """See `Broker.workers`."""
        told = self._server.command("HGETALL", self._server.base + b":workers")
        found = {
            id.decode("utf-8", "surrogatepass"): data for id, data in zip(told[::2], told[1::2], strict=True)
        }
        return [_report(id, found[id]) for id in sorted(found)]

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        """See `Broker.retire`. What is decided of its jobs is written only while they are still its own."""
        kept = retirement.kept(evidence)
        blame = encode_error(retirement.lost(retirement.DIED, kept)) or b""
        for _ in range(_TRIES):
            ends = _ends(self._held(worker), crashed, kept)
            answer = self._server.send(
                "retire",
                packed([worker, int(crashed), retirement.DIED, blame, len(ends)])
                + b"".join([packed(end.values()) for end in ends])
                + b"".join([packed_messages(end.follow) for end in ends]),
                5 + sum([9 + 3 * len(end.follow) for end in ends]),
            )
            if answer == 0:
                return Retired([], [])
            if answer == 1:
                return _retired(ends)
        raise EngineBusy(f"{self._server.place.shown}: the jobs of {worker} kept changing; it is not retired")

    def sweep(self) -> Swept:
        """See `Broker.sweep`. Each of the dead is retired in a step of its own."""
        dead = self._silence.dead(self.workers())
        if failpoints.armed and dead:
            failpoints.hit("sweep.seen_dead")
        retired = {worker: self.retire(worker) for worker in dead}
        if failpoints.armed:
            failpoints.hit("sweep.middle_of_batch")
        retention = self._server.place.retention
        due, expired = self._server.run("sweep", _TOMBSTONE_SECONDS, "" if retention == inf else retention)
        forgotten = self._forget_old()
        if failpoints.armed:
            failpoints.hit("sweep.after_release")
        again = self._silence.again()
        return Swept(due=due, expired=expired, forgotten=forgotten, dead=retired, again=again)

    def _forget_old(self) -> int:
        """Walk over all jobs a window at a time, at leisure unless there is much to forget."""
        start, not_before = self._window_at
        if self._server.place.retention == inf or clock.monotonic() < not_before:
            return 0
        before = clock.now() - self._server.place.retention
        forgotten, stop = self._server.run("forget", start, _BUCKETS, before)
        self._window_at = stop, clock.monotonic() + (0.0 if forgotten else _WINDOW_SECONDS)
        return int(forgotten)


class _End:
    """What becomes of one job of a worker that is gone."""

    def __init__(self, id: str, record: Record, crashed: bool, solo: bool, evidence: str) -> None:
        self.id = id
        self.record = record
        self.crashes = int(record.rest.crashes) + solo
        self.state, self.note = retirement.after(crashed, self.crashes, bool(record.flags & CANCELLING))
        self.is_poison = self.state is State.QUARANTINED
        self.error = encode_error(retirement.lost(self.note, evidence)) if self.is_poison else None
        self.follow = _after_failure(id, record) if self.is_poison else ()

    def values(self) -> list[Value]:
        """As `lua/retire.lua` reads it."""
        record = self.record
        decided = (self.crashes, CODES[self.state], self.note, self.error or b"", len(self.follow))
        return [key_of(self.id), record.seq, record.token, record.flags, *decided]


def _ends(held: list[tuple[str, Record]], crashed: bool, evidence: str) -> list[_End]:
    solo = crashed and len(held) == 1
    return [_End(id, record, crashed, solo, evidence) for id, record in held]


def _retired(ends: list[_End]) -> Retired:
    returned = [end.id for end in ends if end.state is State.READY]
    return Retired(returned, [end.id for end in ends if end.is_poison])


def _after_failure(id: str, record: Record) -> tuple[Message, ...]:
    """What was to follow the failure of this job."""
    try:
        return flow.after_failure(decode(body_of(id, record)))
    except Unreadable:
        return ()


def _readable(id: str, record: Record, worker: str) -> Claim | None:
    """The claim of a running job; none of one that cannot be read."""
    try:
        return claim_of(id, record, worker)
    except Unreadable:
        return None


def _report(id: str, data: bytes) -> Report:
    """The report of a worker; of one that did not beat yet there is only its silence to judge by."""
    try:
        return _reports.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Report(worker=id)
