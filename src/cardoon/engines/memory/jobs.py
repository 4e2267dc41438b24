"""The jobs of a memory engine: every move from state to state. Its caller holds the lock."""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from cardoon.engines.contract import (
    SOLO_CRASHES_TO_QUARANTINE,
    Counts,
    End,
    QueueInfo,
    Retired,
    page_number,
)
from cardoon.engines.memory.row import Letter, Place, Row
from cardoon.model import clock
from cardoon.model.job import Claim, Filter, Page
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport, Outcome
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

    def push(self, messages: Sequence[Message]) -> list[bool]:
        """Store all; what cannot be copied raises before the first is stored."""
        letters = [Letter.of(message) for message in messages]
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
                self._finish(row, State.EXPIRED)
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

    def claim(self, worker: str, queues: Collection[str] | None, limit: int, alone: bool) -> list[Claim]:
        """Start up to `limit` jobs; a suspect by itself, and only when `alone`."""
        chosen = self._choose(queues, limit, alone)
        for row in chosen:
            self._leave_line(row)
        now = clock.now()
        return [row.start(worker, now) for row in chosen]

    def _choose(self, queues: Collection[str] | None, limit: int, alone: bool) -> list[Row]:
        chosen: list[Row] = []
        for row in self.line(queues):
            if len(chosen) >= limit:
                break
            if not row.suspect:
                chosen.append(row)
            elif alone:
                return chosen or [row]
        return chosen

    def owned(self, claim: Claim) -> Row | None:
        """The fence: the job of this claim, if it still is in the hands of this very attempt."""
        row = self.rows.get(claim.id)
        if row is None or row.state is not State.RUNNING or row.token != claim.token:
            return None
        return row

    def settle(self, ends: Sequence[End]) -> list[Claim]:
        """Write the ends that hold, with what follows them; the claims of those refused."""
        copied = [_copied(outcome) for _claim, outcome in ends]
        refused = []
        for (claim, outcome), (replacement, follow) in zip(ends, copied, strict=True):
            row = self.owned(claim)
            if row is None:
                refused.append(claim)
                continue
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

    def cancel(self, ids: Collection[str]) -> dict[str, State]:
        """End those that wait, mark those that run; the state of each that is known."""
        known = [self.rows[id] for id in ids if id in self.rows]
        for row in known:
            if row.state in WAITING:
                self._finish(row, State.CANCELLED)
            row.cancelling = row.cancelling or row.state is State.RUNNING
        return {row.id: row.state for row in known}

    def waiting(self, queues: Collection[str]) -> list[str]:
        """The ids of everything that waits in these queues."""
        return [row.id for row in self.rows.values() if row.queue in queues and row.state in WAITING]

    def unpark(self, tasks: Collection[str]) -> int:
        """The parked jobs of these tasks back in line; how many."""
        rows = [r for r in self.rows.values() if r.state is State.PARKED and r.letter.message.task in tasks]
        for row in rows:
            self._ready(row, since=clock.now())
        return len(rows)

    def retire(self, worker: str, crashed: bool) -> Retired:
        """Take its running jobs out of its hands."""
        lost = [row for row in self.rows.values() if row.state is State.RUNNING and row.worker == worker]
        for row in lost:
            row.token += 1
            if crashed:
                self._crash(row, solo=len(lost) == 1)
            else:
                self._give_back(row, charged=crashed)
        return Retired(
            returned=[row.id for row in lost if row.state is State.READY],
            quarantined=[row.id for row in lost if row.state is State.QUARANTINED],
        )

    def _crash(self, row: Row, solo: bool) -> None:
        row.note = f"its worker {row.worker} died"
        row.remember(State.READY, clock.now())
        row.suspect = True
        row.crashes += solo
        if row.cancelling or row.crashes < SOLO_CRASHES_TO_QUARANTINE:
            return self._give_back(row, charged=True)
        row.note = f"{row.crashes} workers died under it while it ran alone"
        row.error = ErrorReport(module="cardoon.model.errors", type="WorkerLostError", message=row.note)
        return self._finish(row, State.QUARANTINED)

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
        found = (r for r in reversed(self.rows.values()) if r.order < below and _matches(r, filter))
        rows = list(itertools.islice(found, limit + 1))
        more = str(rows[limit - 1].order) if len(rows) > limit else None
        return Page([row.job() for row in rows[:limit]], more)


def _copied(outcome: Outcome) -> tuple[Letter | None, list[Letter]]:
    """What an outcome carries, copied before anything is written, as copying may raise."""
    replacement = None if outcome.message is None else Letter.of(outcome.message)
    return replacement, [Letter.of(message) for message in outcome.follow]


def _matches(row: Row, filter: Filter) -> bool:
    message = row.letter.message
    return (
        (not filter.states or row.state in filter.states)
        and (not filter.queues or message.queue in filter.queues)
        and (not filter.tasks or message.task in filter.tasks)
        and (not filter.workers or row.worker in filter.workers)
        and (not filter.ids or message.id in filter.ids)
        and (filter.parent is None or message.parent == filter.parent)
        and (filter.after is None or row.created >= filter.after)
        and (filter.before is None or row.created < filter.before)
    )
