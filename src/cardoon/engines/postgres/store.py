"""The store's verbs on PostgreSQL: what is remembered of jobs, and what jobs hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cardoon import failpoints
from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.listener import DONE, Pauses
from cardoon.engines.postgres.liveness import Liveness
from cardoon.engines.postgres.rows import (
    attempt_of,
    fence,
    job_of,
    not_before,
    stored,
    told,
)
from cardoon.engines.postgres.search import Search
from cardoon.engines.postgres.wire import float8, texts
from cardoon.model import clock
from cardoon.model.job import Claim, Filter, Job, Page, Schedule
from cardoon.model.message import Message


class Store(Liveness):
    """Remembers; see the contract for what each verb promises."""

    def result(self, id: str) -> Job | None:
        """See `Store.result`."""
        rows = self._connections.ask(self._hot["result"], [stored(id).encode()] * 2)
        return job_of(rows[0]) if rows else None

    def wait_results(self, ids: Collection[str], timeout: float) -> dict[str, Job]:
        """See `Store.wait_results`."""
        deadline = clock.monotonic() + timeout
        wanted = frozenset(map(stored, ids))
        if timeout <= 0:
            return self._final_among(wanted)
        pauses = Pauses(self._connections.pooled)
        with self._listener.listen(DONE, wanted) as ear:
            if wanted == frozenset(self._sent[:1]) and self._nothing_ended(self._sent[1]):
                pauses.over(ear.wait(min(timeout, pauses.next)))
            while True:
                found = self._final_among(wanted)
                left = deadline - clock.monotonic()
                if found or left <= 0 or ear.woken:
                    return found
                pauses.over(ear.wait(min(left, pauses.next)))

    def _nothing_ended(self, notices: int) -> bool:
        """Whether no job can have ended since there were so many notices of ends."""
        return notices >= 0 and notices == self._listener.notices(DONE)

    def _final_among(self, ids: Collection[str]) -> dict[str, Job]:
        rows = self._connections.ask(self._hot["ended_among"], [texts(ids), float8(not_before(ids))])
        return {job.id: job for job in map(job_of, rows)}

    # -- what is attached to a job

    def annotate(self, claim: Claim, kind: str, data: bytes) -> bool:
        """See `Store.annotate`."""
        if kind == "progress":
            return self._connections.write(self._sql("annotate_progress"), [data, *fence(claim)]) == 1
        values = [*fence(claim), stored(kind), data]
        return self._connections.write(self._sql("annotate"), values) == 1

    def annotations(self, id: str, kind: str) -> list[bytes]:
        """See `Store.annotations`."""
        if kind == "progress":
            rows = self._connections.fetch(self._sql("progress"), [stored(id)] * 2)
        else:
            rows = self._connections.fetch(self._sql("annotations"), [stored(id), stored(kind)])
        return [data for (data,) in rows]

    def owns(self, claim: Claim) -> bool:
        """See `Store.owns`."""
        return bool(self._connections.fetch(self._sql("owns"), fence(claim)))

    # -- looking

    def find(self, filter: Filter, *, page: str | None = None, limit: int = 50, brief: bool = False) -> Page:
        """See `Store.find`."""
        search = Search(self._connections.place.quoted, filter, page, limit, brief=brief)
        return self._connections.step(search.page)

    def attempts(self, id: str) -> list[Job]:
        """See `Store.attempts`."""
        rows = self._connections.fetch(self._sql("attempts"), [stored(id)] * 2)
        return [attempt_of(row) for row in rows]

    # -- locks, limits, barriers

    def acquire(
        self, name: str, owner: str, *, slots: int = 1, seconds: float | None = None, worker: str = ""
    ) -> int | None:
        """See `Store.acquire`."""
        values = [stored(name), stored(owner), slots, seconds, stored(worker), self._durable(), clock.shift()]
        number: int | None = self._connections.fetch(self._sql("acquire"), values)[0][0]
        if failpoints.armed and number is not None:
            failpoints.hit("lock.after_acquire")
        return number

    def renew(self, name: str, owner: str, *, seconds: float) -> bool:
        """See `Store.renew`."""
        if failpoints.armed:
            failpoints.hit("lock.renew")
        values = [clock.shift(), seconds, stored(name), stored(owner), clock.shift()]
        return self._connections.write(self._sql("renew"), values) == 1

    def release(self, name: str, owner: str) -> bool:
        """See `Store.release`."""
        return self._connections.step(
            lambda db: self._released(db, [stored(name), stored(owner), clock.shift()])
        )

    def _released(self, db: Connection, values: list[object]) -> bool:
        freed = db.execute(self._sql("release"), values).rowcount == 1
        if freed:
            self._returned(db)
        return freed

    def take(self, bucket: str, *, per_second: float, burst: int = 1) -> float:
        """See `Store.take`."""
        values = [stored(bucket), per_second, burst, self._durable(), clock.shift()]
        return float(self._connections.fetch(self._sql("take"), values)[0][0])

    def arrive(self, barrier: str, member: str, *, of: int) -> bool:
        """See `Store.arrive`."""
        values = [stored(barrier), stored(member), of, self._durable(), clock.shift()]
        return bool(self._connections.fetch(self._sql("arrive"), values)[0][0])

    # -- schedules

    def save_schedule(self, schedule: Schedule, *, seed: bool = False) -> bool:
        """See `Store.save_schedule`."""
        row = [stored(schedule.name), schedule.next_due, schedule.enabled, schedule.data]
        return self._connections.write(self._sql("seed_schedule" if seed else "save_schedule"), row) == 1

    def schedules(self) -> list[Schedule]:
        """See `Store.schedules`."""
        rows = self._connections.fetch(self._sql("schedules"))
        return [Schedule(name=told(n), next_due=due, enabled=on, data=data) for n, due, on, data in rows]

    def drop_schedule(self, name: str) -> bool:
        """See `Store.drop_schedule`."""
        return self._connections.write(self._sql("drop_schedule"), [stored(name)]) == 1

    def fire_due(self, name: str, due: float, next_due: float | None, messages: Sequence[Message]) -> bool:
        """See `Store.fire_due`."""
        if failpoints.armed:
            failpoints.hit("sched.before_claim_moment")
        fired = self._connections.step(lambda db: self._fired(db, [next_due, stored(name), due], messages))
        if failpoints.armed and fired:
            failpoints.hit("sched.after_commit")
        return fired

    def _fired(self, db: Connection, values: list[object], messages: Sequence[Message]) -> bool:
        if db.execute(self._sql("move_schedule"), values).rowcount != 1:
            return False
        self._store(db, messages)
        self._returned(db)
        return True
