"""The jobs of a memory engine: every move from state to state. Its caller holds the lock."""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from cardoon import failpoints
from cardoon.engines import retirement
from cardoon.engines.contract import Counts, End, QueueInfo, Retired, lost_by, page_number
from cardoon.engines.memory.row import Letter, Place, Row
from cardoon.model import clock, flow
from cardoon.model.job import Claim, Filter, Page
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome
from cardoon.model.query.match import matches
from cardoon.model.query.tree import tree_of
from cardoon.model.states import FINAL, WAITING, State

_LATER = frozenset({State.DELAYED, State.RETRYING})


class Jobs:
    """All jobs, the lines of the ready ones, and the alarms of those that wait for a moment."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.paused: dict[str, bool] = {}
        self._lines: dict[str, list[Place]] = {}
        self._alarms: list[tuple[float, str]] = []
        self._ended: Counter[tuple[str, State]] = Counter()
        self._orders = itertools.count(1)

    def push(self, messages: Sequence[Message], by: Claim | None = None) -> list[bool]:
        """Store all; what cannot be copied raises before the first is stored."""
        letters = [Letter.of(message) for message in messages]
        if by is not None and self.owned(by) is None:
            raise lost_by(by, len(letters))
        if failpoints.armed:
            failpoints.hit("enq.batch_middle")  # here: nothing is taken back in memory
        return [self._put(letter) for letter in letters]

    def _put(self, letter: Letter) -> bool:
        message, now = letter.message, clock.now()
        if message.id in self.rows:
            return False
        row = self.rows[message.id] = Row(next(self._orders), letter, created=now, due=message.due)
        if message.due is not None and message.due > now:
            self._rest(row, State.DELAYED)
        else:
            self._ready(row, since=now)
        return True

    def _ready(self, row: Row, since: float) -> None:
        """Into its line, at the place that its priority and age give."""
        self._rest(row, State.READY)
        row.since = since
        bisect.insort(self._lines.setdefault(row.queue, []), row.place)

    def _rest(self, row: Row, state: State) -> None:
        """Wait in this state, with an alarm for each moment at which that must end."""
        row.state, row.worker, row.started = state, None, None
        self.paused.setdefault(row.queue, False)
        for moment in (row.due if state in _LATER else None, row.expires):
            if moment is not None:
                heapq.heappush(self._alarms, (moment, row.id))

    def _leave_line(self, row: Row) -> None:
        if row.state is State.READY:
            line = self._lines[row.queue]
            del line[bisect.bisect_left(line, row.place)]

    def _call_off(self, row: Row, state: State) -> None:
        """End what waits; what an earlier attempt still says of it is out of date."""
        self._finish(row, state)
        row.token += 1

    def _finish(self, row: Row, state: State) -> None:
        self._leave_line(row)
        row.state, row.finished = state, clock.now()
        self._ended[row.queue, state] += 1

    def ring(self) -> tuple[int, int]:
        """Let every alarm ring whose moment has come: how many became ready, and how many expired."""
        now, due, expired = clock.now(), 0, 0
        while self._alarms and self._alarms[0][0] <= now:
            row = self.rows.get(heapq.heappop(self._alarms)[1])
            if row is None or row.state not in WAITING:
                continue
            if row.expires is not None and row.expires <= now:
                self._call_off(row, State.EXPIRED)
                expired += 1
            elif row.state in _LATER and row.due is not None and row.due <= now:
                self._ready(row, since=row.due)
                due += 1
        return due, expired

    def next_alarm(self) -> float:
        """The moment of the next alarm; infinity when there is none."""
        return self._alarms[0][0] if self._alarms else float("inf")

    def line(self, queues: Collection[str] | None) -> Iterator[Row]:
        """The ready jobs of these queues that are not paused, first come first."""
        wanted = self._lines if queues is None else queues
        lines = [self._lines.get(queue, []) for queue in wanted if not self.paused.get(queue)]
        return (self.rows[id] for _priority, _order, id in heapq.merge(*lines))

    def any_ready(self, queues: Collection[str] | None, alone: bool) -> bool:
        """Whether `claim` would find any."""
        return any(alone or not row.suspect for row in self.line(queues))

    def any_suspect(self, queues: Collection[str] | None) -> bool:
        """Whether a suspect is among them."""
        return any(row.suspect for row in self.line(queues))

    def claim(self, worker: str, queues: Collection[str] | None, limit: int, alone: bool) -> list[Claim]:
        """Start up to `limit` jobs; when `alone`, the oldest suspect first, by itself."""
        chosen = self._choose(queues, limit, alone)
        now = clock.now()
        for row in chosen:
            self._leave_line(row)
            row.start(worker, now)
        return [row.claim() for row in chosen]

    def _choose(self, queues: Collection[str] | None, limit: int, alone: bool) -> list[Row]:
        suspects = [row for row in self.line(queues) if row.suspect]
        if suspects and alone:
            return [min(suspects, key=lambda row: row.order)]
        return list(itertools.islice((row for row in self.line(queues) if not row.suspect), limit))

    def owned(self, claim: Claim) -> Row | None:
        """The fence: the job of this claim, if it still is in the hands of this very attempt."""
        row = self._as_left_by(claim)
        return row if row is not None and row.state is State.RUNNING else None

    def _as_left_by(self, claim: Claim) -> Row | None:
        """The job of this claim, if no other attempt had it since, and nobody called it off."""
        row = self.rows.get(claim.id)
        if row is None or (row.order, row.token) != (claim.ref, claim.token):
            return None
        return row

    def _ended_so(self, claim: Claim, outcome: Outcome) -> bool:
        """Whether this very end was written already, and nobody moved the job on."""
        row = self._as_left_by(claim)
        if row is None or row.state is State.RUNNING:
            return False
        if outcome.state in FINAL:
            ended = row.state, row.result, row.error, row.note
            return ended == (outcome.state, outcome.result, outcome.error, outcome.note)
        if row.state in FINAL:
            return row.cancelling and row.state is State.CANCELLED
        return row.last_left_in() is outcome.state

    def settle(self, ends: Sequence[End]) -> list[Claim]:
        """Write the ends that hold, with what follows them; the claims of those refused."""
        copied = [_copied(outcome) for _claim, outcome in ends]
        refused = []
        for (claim, outcome), (replacement, follow) in zip(ends, copied, strict=True):
            row = self.owned(claim)
            if row is None:
                refused += [] if self._ended_so(claim, outcome) else [claim]
                continue
            for data in outcome.log:
                row.annotate("log", data)
            self._end(row, outcome, replacement or row.letter)
            for letter in follow:
                self._put(letter)
        return refused

    def _end(self, row: Row, outcome: Outcome, letter: Letter) -> None:
        row.started = outcome.started or row.started
        row.result, row.error, row.note = outcome.result, outcome.error, outcome.note
        if outcome.state in FINAL:
            self._finish(row, outcome.state)
        elif outcome.state is State.READY or row.cancelling:
            self._give_back(row, outcome.charged)
        elif outcome.state is State.PARKED:
            self._park(row, outcome.charged)
        else:
            self._retry(row, outcome.due, letter)

    def _retry(self, row: Row, due: float | None, letter: Letter) -> None:
        row.remember(State.RETRYING, clock.now())
        row.letter, row.due = letter, clock.now() if due is None else due
        row.retries += 1
        row.crashes, row.suspect = 0, False
        self._rest(row, State.RETRYING)

    def _park(self, row: Row, charged: bool) -> None:
        row.remember(State.PARKED, clock.now())
        row.attempt -= not charged
        self._rest(row, State.PARKED)

    def _give_back(self, row: Row, charged: bool) -> None:
        """Ready again, at its old place and as old as it was; or cancelled, if that was asked."""
        row.attempt -= not charged
        if row.cancelling:
            self._finish(row, State.CANCELLED)
        else:
            self._ready(row, since=row.since)

    def cancel(self, ids: Collection[str], *, terminate: bool = False, note: str = "") -> dict[str, State]:
        """End those that wait, with this note; mark those that run; the state of each that is known."""
        known = [self.rows[id] for id in ids if id in self.rows]
        for row in known:
            if row.state in WAITING:
                self._call_off(row, State.CANCELLED)
                row.note = note or row.note
            elif row.state is State.RUNNING:
                row.cancelling = True
                row.terminating = row.terminating or terminate
        return {row.id: row.state for row in known}

    def replay(self, ids: Collection[str]) -> list[str]:
        """Begin again with those that have ended, or are parked; which."""
        now = clock.now()
        rows = [self.rows[id] for id in dict.fromkeys(ids) if id in self.rows]
        rows = [row for row in rows if row.state in FINAL or row.state is State.PARKED]
        for row in rows:
            row.begin_afresh(now)
            self._ready(row, since=now)
        return [row.id for row in rows]

    def delete(self, ids: Collection[str]) -> list[str]:
        """Forget those that do not run; which."""
        rows = [self.rows[id] for id in dict.fromkeys(ids) if id in self.rows]
        gone = [row for row in rows if row.state is not State.RUNNING]
        for row in gone:
            self._leave_line(row)
            del self.rows[row.id]
        return [row.id for row in gone]

    def waiting(self, queues: Collection[str]) -> list[str]:
        """The ids of everything that waits in these queues."""
        return [row.id for row in self.rows.values() if row.queue in queues and row.state in WAITING]

    def unpark(self, tasks: Collection[str]) -> int:
        """The parked jobs of these tasks back in line; how many."""
        rows = [r for r in self.rows.values() if r.state is State.PARKED and r.letter.message.task in tasks]
        for row in rows:
            self._ready(row, since=clock.now())
        return len(rows)

    def held(self, worker: str) -> list[Row]:
        """What this worker runs."""
        return [row for row in self.rows.values() if row.state is State.RUNNING and row.worker == worker]

    def terminating(self, workers: Collection[str]) -> dict[str, list[str]]:
        """By worker, the running jobs whose end was asked for."""
        asked = {worker: [r.id for r in self.held(worker) if r.terminating] for worker in workers}
        return {worker: ids for worker, ids in asked.items() if ids}

    def retire(self, worker: str, crashed: bool, evidence: str) -> Retired:
        """Take its running jobs out of its hands."""
        lost = self.held(worker)
        for row in lost:
            if crashed:
                self._crash(row, len(lost) == 1, retirement.kept(evidence))
            else:
                self._take_back(row, crashed)
        return Retired(
            returned=[row.id for row in lost if row.state is State.READY],
            quarantined=[row.id for row in lost if row.state is State.QUARANTINED],
        )

    def _crash(self, row: Row, solo: bool, evidence: str) -> None:
        row.note, row.error = retirement.DIED, retirement.lost(retirement.DIED, evidence)
        row.remember(State.READY, clock.now())
        row.suspect, row.error = True, None
        row.crashes += solo
        self._take_back(row, crashed=True)
        if row.state is State.QUARANTINED:
            row.error = retirement.lost(row.note, evidence)
            for message in flow.after_failure(row.letter.message):
                self._put(Letter.of(message))

    def _take_back(self, row: Row, crashed: bool) -> None:
        """Out of the hands of a worker that is gone: what it still says of the job is refused."""
        row.token += 1
        row.attempt -= not crashed
        state, row.note = retirement.after(crashed, row.crashes, row.cancelling)
        if state is State.READY:
            self._ready(row, since=row.since)
        else:
            self._finish(row, state)

    def forget(self, before: float) -> int:
        """Forget the jobs that ended before this moment; how many."""
        old = [row.id for row in self.rows.values() if row.finished is not None and row.finished < before]
        for id in old:
            del self.rows[id]
        return len(old)

    def count(self, queues: Collection[str] | None) -> Counts:
        """The jobs of each queue by state; final ones are counted for ever."""
        open_ones = Counter((r.queue, r.state) for r in self.rows.values() if r.state not in FINAL)
        counts: Counts = {q: {} for q in self.paused if queues is None or q in queues}
        for (queue, state), number in (open_ones + self._ended).items():
            if queue in counts:
                counts[queue][state] = number
        return counts

    def queues(self) -> list[QueueInfo]:
        """Every queue, by name."""
        oldest: dict[str, float] = {}
        for row in self.rows.values():
            if row.state is State.READY:
                oldest[row.queue] = min(row.since, oldest.get(row.queue, row.since))
        return [QueueInfo(name=q, paused=p, oldest=oldest.get(q)) for q, p in sorted(self.paused.items())]

    def find(self, filter: Filter, page: str | None, limit: int) -> Page:
        """The jobs that match, newest first; a page is asked for by the order of its predecessor's last."""
        below = float("inf") if page is None else page_number(page)
        tree, now = tree_of(filter), clock.now()
        older = (row for row in reversed(self.rows.values()) if row.order < below)
        found = ((row.order, job) for row in older if matches(tree, job := row.job(), now))
        rows = list(itertools.islice(found, limit + 1))
        more = str(rows[limit - 1][0]) if len(rows) > limit else None
        return Page([job for _, job in rows[:limit]], more)


def _copied(outcome: Outcome) -> tuple[Letter | None, list[Letter]]:
    """What an outcome carries, copied before anything is written, as copying may raise."""
    replacement = None if outcome.message is None else Letter.of(outcome.message)
    return replacement, [Letter.of(message) for message in outcome.follow]
