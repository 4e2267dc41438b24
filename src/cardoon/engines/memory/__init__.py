"""The reference engine: the contract at its shortest, in this process, for as long as it lives.

`row` is one job, `jobs` moves them from state to state, `locks` holds names, rates and barriers;
here stand the verbs, each one step under one lock.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager

import msgspec

from cardoon import failpoints
from cardoon.engines.contract import (
    RETENTION_SECONDS,
    Capabilities,
    Counts,
    End,
    Heard,
    Profile,
    QueueInfo,
    Retired,
    Swept,
    Turn,
    check_order,
    names,
)
from cardoon.engines.exchange import OneByOne, hit_after, hit_before
from cardoon.engines.forks import heed
from cardoon.engines.memory.jobs import Jobs
from cardoon.engines.memory.locks import Barriers, Buckets, Locks
from cardoon.engines.silence import Silence
from cardoon.model import clock
from cardoon.model.job import Claim, Filter, Job, Page, Report, Schedule
from cardoon.model.message import Message
from cardoon.model.states import State

_LONGEST_NAP = 0.5
"""Seconds; a sleeper looks again at least this often, so that it sees a wall clock that jumped."""


class MemoryEngine(OneByOne):
    """Jobs in the memory of this process, apart from those of any other engine object, whatever its URL.

    What ended `retention` seconds ago is forgotten by `sweep`; None keeps all. No `profile` that is
    asked for makes memory durable, and `profile()` says so.
    """

    capabilities = Capabilities(shared=False, durable=False)

    def __init__(
        self,
        url: str = "memory://",
        *,
        profile: str = "volatile",
        retention: float | None = RETENTION_SECONDS,
    ) -> None:
        self.url = url
        self.retention = float("inf") if retention is None else retention
        self._changed = threading.Condition()
        self._jobs = Jobs()
        self._locks, self._buckets, self._barriers = Locks(), Buckets(), Barriers()
        self._schedules: dict[str, Schedule] = {}
        self._workers: dict[str, Report] = {}
        self._retired: dict[str, float] = {}
        self._orders: dict[str, str] = {}
        self._silence = Silence()
        self._wakes, self._owed = 0, False
        heed(self)

    @contextmanager
    def _step(self) -> Generator[Jobs]:
        """One step that changes something: alone, and whoever waits hears of it."""
        with self._changed:
            try:
                yield self._jobs
            finally:
                self._changed.notify_all()

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        """See `Broker.push`."""
        if failpoints.armed:
            failpoints.hit("enq.before_send")
        with self._step() as jobs:
            new = jobs.push(messages, by)
        if failpoints.armed:
            failpoints.hit("enq.after_commit")
            failpoints.hit("enq.after_send_before_reply")
        return new

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
        with self._step() as jobs:
            refused = jobs.settle(ends)
            claims = self._claim(jobs, worker, queues, limit, alone) if limit > 0 else []
        if failpoints.armed:
            hit_after(ends, claims)
        return Turn(refused, claims)

    def _claim(
        self, jobs: Jobs, worker: str, queues: Collection[str] | None, limit: int, alone: bool
    ) -> list[Claim]:
        if not self._meet(worker):
            return []
        jobs.ring()
        return jobs.claim(worker, names(queues), limit, alone)

    def _meet(self, worker: str) -> bool:
        """Know this worker from its first claim on; False for a retired one, after whom nobody looks."""
        if worker in self._retired:
            return False
        self._workers.setdefault(worker, Report(worker=worker))
        return True

    def wait(self, queues: Collection[str] | None, timeout: float, *, alone: bool = True) -> bool:
        """See `Broker.wait`."""
        wanted, until = names(queues), clock.monotonic() + timeout
        with self._step() as jobs:
            wakes = self._begin_to_wait()
            while True:
                jobs.ring()
                if jobs.any_ready(wanted, alone):
                    return True
                left = until - clock.monotonic()
                if left <= 0 or wakes != self._wakes:
                    return False
                self._changed.wait(min(left, max(jobs.next_alarm() - clock.now(), 0.0), _LONGEST_NAP))

    def has_suspects(self, queues: Collection[str] | None) -> bool:
        """See `Broker.has_suspects`."""
        with self._step() as jobs:
            return jobs.any_suspect(names(queues))

    def cancel(self, ids: Collection[str], *, terminate: bool = False) -> dict[str, State]:
        """See `Broker.cancel`."""
        with self._step() as jobs:
            return jobs.cancel(ids, terminate=terminate)

    def replay(self, ids: Collection[str]) -> list[str]:
        """See `Broker.replay`."""
        with self._step() as jobs:
            return jobs.replay(ids)

    def delete(self, ids: Collection[str]) -> list[str]:
        """See `Broker.delete`."""
        with self._step() as jobs:
            return jobs.delete(ids)

    def sweep(self) -> Swept:
        """See `Broker.sweep`."""
        with self._step() as jobs:
            old = clock.now() - self.retention
            self._barriers.forget(old)
            self._retired = {worker: moment for worker, moment in self._retired.items() if moment >= old}
            silent = self._silence.dead(self.workers())
            if failpoints.armed and silent:
                failpoints.hit("sweep.seen_dead")
            dead = {worker: self.retire(worker) for worker in silent}
            if failpoints.armed:
                failpoints.hit("sweep.middle_of_batch")
            due, expired = jobs.ring()
            forgotten, again = jobs.forget(old), self._silence.again()
            swept = Swept(due=due, expired=expired, forgotten=forgotten, dead=dead, again=again)
        if failpoints.armed:
            failpoints.hit("sweep.after_release")
        return swept

    def count(self, queues: Collection[str] | None = None) -> Counts:
        """See `Broker.count`."""
        with self._changed:
            return self._jobs.count(names(queues))

    def queues(self) -> list[QueueInfo]:
        """See `Broker.queues`."""
        with self._changed:
            return self._jobs.queues()

    def purge(self, queues: Collection[str]) -> int:
        """See `Broker.purge`."""
        with self._step() as jobs:
            return len(jobs.cancel(jobs.waiting(queues), note="purged"))

    def pause(self, queue: str) -> None:
        """See `Broker.pause`."""
        with self._step() as jobs:
            jobs.paused[queue] = True

    def resume(self, queue: str) -> None:
        """See `Broker.resume`."""
        with self._step() as jobs:
            jobs.paused[queue] = False

    def beat(self, reports: Sequence[Report]) -> Heard:
        """See `Broker.beat`."""
        with self._step() as jobs:
            living = {r.worker: r for r in reports if r.worker not in self._retired}
            self._workers.update(living)
            return Heard(
                {r.worker for r in reports} - living.keys(),
                {worker: what for worker, what in self._orders.items() if worker in living},
                jobs.terminating(living),
            )

    def order(self, worker: str, what: str) -> bool:
        """See `Broker.order`."""
        check_order(what)
        with self._step():
            self._orders.pop(worker, None)
            if what and worker in self._workers:
                self._orders[worker] = what
            return worker in self._workers

    def held(self, worker: str) -> list[Claim]:
        """See `Broker.held`."""
        with self._changed:
            return [row.claim() for row in self._jobs.held(worker)]

    def workers(self) -> list[Report]:
        """See `Broker.workers`."""
        with self._changed:
            return list(self._workers.values())

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        """See `Broker.retire`."""
        with self._step() as jobs:
            if worker in self._retired:
                return Retired([], [])
            self._retired[worker] = clock.now()
            self._workers.pop(worker, None)
            self._orders.pop(worker, None)
            self._locks.retire(worker)
            return jobs.retire(worker, crashed, evidence)

    def unpark(self, tasks: Collection[str]) -> int:
        """See `Broker.unpark`."""
        with self._step() as jobs:
            return jobs.unpark(tasks)

    def result(self, id: str) -> Job | None:
        """See `Store.result`."""
        with self._changed:
            row = self._jobs.rows.get(id)
            return row.job() if row else None

    def wait_results(self, ids: Collection[str], timeout: float) -> dict[str, Job]:
        """See `Store.wait_results`."""
        until = clock.monotonic() + timeout
        with self._changed:
            wakes = self._begin_to_wait()
            while True:
                final = self._final(ids)
                left = until - clock.monotonic()
                if final or left <= 0 or wakes != self._wakes:
                    return final
                self._changed.wait(min(left, _LONGEST_NAP))

    def _final(self, ids: Collection[str]) -> dict[str, Job]:
        jobs = (self._jobs.rows[id].job() for id in ids if id in self._jobs.rows)
        return {job.id: job for job in jobs if job.final}

    def wake(self) -> None:
        """See `Store.wake`. A handler may run within any step of its own thread: the lock is re-entrant."""
        with self._step():
            self._wakes += 1
            self._owed = True

    def _begin_to_wait(self) -> int:
        """The wakes that this wait had; one that came before it ends it, too."""
        owed, self._owed = self._owed, False
        return self._wakes - owed

    def annotate(self, claim: Claim, kind: str, data: bytes) -> bool:
        """See `Store.annotate`."""
        with self._step() as jobs:
            row = jobs.owned(claim)
            if row is None:
                return False
            row.annotate(kind, data)
            return True

    def annotations(self, id: str, kind: str) -> list[bytes]:
        """See `Store.annotations`."""
        with self._changed:
            row = self._jobs.rows.get(id)
            return list(row.notes.get(kind, [])) if row else []

    def owns(self, claim: Claim) -> bool:
        """See `Store.owns`."""
        with self._changed:
            return self._jobs.owned(claim) is not None

    def find(self, filter: Filter, *, page: str | None = None, limit: int = 50, brief: bool = False) -> Page:
        """See `Store.find`. To be brief would spare nothing here."""
        with self._changed:
            return self._jobs.find(filter, page, limit)

    def attempts(self, id: str) -> list[Job]:
        """See `Store.attempts`."""
        with self._changed:
            row = self._jobs.rows.get(id)
            return list(row.earlier) if row else []

    def acquire(
        self, name: str, owner: str, *, slots: int = 1, seconds: float | None = None, worker: str = ""
    ) -> int | None:
        """See `Store.acquire`. A retired worker gets nothing: nobody would free it."""
        with self._step():
            if worker in self._retired:
                return None
            number = self._locks.acquire(name, owner, slots, seconds, worker)
        if failpoints.armed and number is not None:
            failpoints.hit("lock.after_acquire")
        return number

    def renew(self, name: str, owner: str, *, seconds: float) -> bool:
        """See `Store.renew`."""
        if failpoints.armed:
            failpoints.hit("lock.renew")
        with self._step():
            return self._locks.renew(name, owner, seconds)

    def release(self, name: str, owner: str) -> bool:
        """See `Store.release`."""
        with self._step():
            return self._locks.release(name, owner)

    def take(self, bucket: str, *, per_second: float, burst: int = 1) -> float:
        """See `Store.take`."""
        with self._step():
            return self._buckets.take(bucket, per_second, burst)

    def arrive(self, barrier: str, member: str, *, of: int) -> bool:
        """See `Store.arrive`."""
        with self._step():
            return self._barriers.arrive(barrier, member, of)

    def save_schedule(self, schedule: Schedule, *, seed: bool = False) -> bool:
        """See `Store.save_schedule`."""
        with self._step():
            if seed and schedule.name in self._schedules:
                return False
            self._schedules[schedule.name] = schedule
            return True

    def schedules(self) -> list[Schedule]:
        """See `Store.schedules`."""
        with self._changed:
            return [self._schedules[name] for name in sorted(self._schedules)]

    def drop_schedule(self, name: str) -> bool:
        """See `Store.drop_schedule`."""
        with self._step():
            return self._schedules.pop(name, None) is not None

    def fire_due(self, name: str, due: float, next_due: float | None, messages: Sequence[Message]) -> bool:
        """See `Store.fire_due`."""
        if failpoints.armed:
            failpoints.hit("sched.before_claim_moment")
        with self._step() as jobs:
            schedule = self._schedules.get(name)
            if schedule is None or not schedule.enabled or schedule.next_due != due:
                return False
            jobs.push(messages)
            self._schedules[name] = msgspec.structs.replace(schedule, next_due=next_due)
        if failpoints.armed:
            failpoints.hit("sched.after_commit")
        return True

    def open(self) -> None:
        """Nothing to connect to."""

    def migrate(self) -> list[str]:
        """Nothing to bring up to date."""
        return []

    def profile(self) -> Profile:
        """See `Engine.profile`."""
        return Profile(name="volatile", sentence="Jobs live in the memory of this process and end with it.")

    def close(self) -> None:
        """Nothing to let go of: the jobs stay until the engine object goes."""

    def before_fork(self) -> None:
        """See `Forkable`. A child has the jobs of this moment for itself."""
        self._changed.acquire()

    def after_fork(self) -> None:
        """See `Forkable`."""
        self._changed.release()

    forked = after_fork
