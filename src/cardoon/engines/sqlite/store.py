"""The store's verbs on SQLite: what is remembered of jobs, and what jobs hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from cardoon import failpoints
from cardoon.engines.sqlite.rows import (
    JOB_COLUMNS,
    RECHECK_SECONDS,
    Core,
    Q,
    attempt_of,
    fence,
    job_of,
    push_row,
)
from cardoon.engines.sqlite.search import Search
from cardoon.model import clock
from cardoon.model.job import Claim, Filter, Job, Page, Schedule
from cardoon.model.message import Message

_SELECT = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs"


class Store(Core):
    """Remembers; see the contract for what each verb promises."""

    def result(self, id: str) -> Job | None:
        """See `Store.result`."""
        with self._files.reading() as db:
            row = db.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
        return None if row is None else job_of(row)

    def wait_results(self, ids: Collection[str], timeout: float) -> dict[str, Job]:
        """See `Store.wait_results`."""
        deadline = clock.monotonic() + timeout
        wanted = json.dumps(list(ids))
        with self._done.listen() as ear:
            while True:
                found = self._final_among(wanted)
                left = deadline - clock.monotonic()
                if found or left <= 0 or ear.woken:
                    return found
                ear.wait(min(left, RECHECK_SECONDS))

    def _final_among(self, ids: str) -> dict[str, Job]:
        query = f"{_SELECT} WHERE id IN (SELECT value FROM json_each(?)) AND finished IS NOT NULL"
        with self._files.reading() as db:
            return {job.id: job for job in map(job_of, db.execute(query, (ids,)).fetchall())}

    # -- what is attached to a job

    def annotate(self, claim: Claim, kind: str, data: bytes) -> bool:
        """See `Store.annotate`."""
        with self._files.writing() as db:
            if kind == "progress":
                kept = db.execute(Q["annotate_progress"], (data, *fence(claim))).rowcount == 1
            else:
                kept = db.execute(Q["owns"], fence(claim)).fetchone() is not None
                if kept:
                    db.execute(Q["annotate"], (claim.id, kind, data))
        return kept

    def annotations(self, id: str, kind: str) -> list[bytes]:
        """See `Store.annotations`."""
        with self._files.reading() as db:
            if kind == "progress":
                rows = db.execute("SELECT progress FROM jobs WHERE id = ? AND progress IS NOT NULL", (id,))
            else:
                rows = db.execute(Q["annotations"], (id, kind))
            return [data for (data,) in rows]

    def owns(self, claim: Claim) -> bool:
        """See `Store.owns`."""
        with self._files.reading() as db:
            return db.execute(Q["owns"], fence(claim)).fetchone() is not None

    # -- looking

    def find(self, filter: Filter, *, page: str | None = None, limit: int = 50, brief: bool = False) -> Page:
        """See `Store.find`."""
        with self._files.snapshot() as db:
            return Search(db, filter, page, limit, brief=brief).page()

    def attempts(self, id: str) -> list[Job]:
        """See `Store.attempts`."""
        with self._files.reading() as db:
            rows = db.execute(Q["attempts"], (id,)).fetchall()
        return [attempt_of(row) for row in rows]

    # -- locks, limits, barriers

    def acquire(
        self, name: str, owner: str, *, slots: int = 1, seconds: float | None = None, worker: str = ""
    ) -> int | None:
        """See `Store.acquire`."""
        now = clock.now()
        with self._files.writing() as db:
            retired = db.execute(Q["worker"], (worker,)).fetchone()
            if retired is not None and retired[0] is not None:
                return None  # nobody would free it
            db.execute(Q["forget_holders"], (name, now))
            mine = db.execute(Q["holder"], (name, owner)).fetchone()
            if mine is not None:
                return int(mine[0])
            if db.execute(Q["holders"], (name,)).fetchone()[0] >= slots:
                return None
            number = int(db.execute(Q["next_fence"], (name,)).fetchone()[0])
            db.execute(Q["hold"], (name, owner, number, worker, None if seconds is None else now + seconds))
        if failpoints.armed:
            failpoints.hit("lock.after_acquire")
        return number

    def renew(self, name: str, owner: str, *, seconds: float) -> bool:
        """See `Store.renew`."""
        if failpoints.armed:
            failpoints.hit("lock.renew")
        now = clock.now()
        with self._files.writing() as db:
            db.execute(Q["forget_holders"], (name, now))
            return db.execute(Q["renew"], (name, owner, now + seconds)).rowcount == 1

    def release(self, name: str, owner: str) -> bool:
        """See `Store.release`."""
        with self._files.writing() as db:
            db.execute(Q["forget_holders"], (name, clock.now()))
            freed = db.execute(Q["release"], (name, owner)).rowcount == 1
        self._ready.ring()
        return freed

    def take(self, bucket: str, *, per_second: float, burst: int = 1) -> float:
        """See `Store.take`."""
        now, each = clock.now(), 1 / per_second
        with self._files.writing() as db:
            row = db.execute(Q["bucket"], (bucket,)).fetchone()
            # A bucket that claims to fill later than it ever could was written under another clock.
            full_at = min(max(row[0] if row else now, now), now + burst * each)
            wait = full_at + each - burst * each - now
            if wait > 1e-9:
                return float(wait)
            db.execute(Q["fill"], (bucket, full_at + each))
        return 0.0

    def arrive(self, barrier: str, member: str, *, of: int) -> bool:
        """See `Store.arrive`."""
        with self._files.writing() as db:
            if db.execute(Q["arrive"], (barrier, member)).rowcount != 1:
                return False
            return bool(db.execute(Q["arrived"], (barrier,)).fetchone()[0] == of)

    # -- schedules

    def save_schedule(self, schedule: Schedule, *, seed: bool = False) -> bool:
        """See `Store.save_schedule`."""
        row = (schedule.name, schedule.next_due, schedule.enabled, schedule.data)
        with self._files.writing() as db:
            return db.execute(Q["seed_schedule" if seed else "save_schedule"], row).rowcount == 1

    def schedules(self) -> list[Schedule]:
        """See `Store.schedules`."""
        with self._files.reading() as db:
            rows = db.execute(Q["schedules"]).fetchall()
        return [Schedule(name=n, next_due=due, enabled=bool(on), data=data) for n, due, on, data in rows]

    def drop_schedule(self, name: str) -> bool:
        """See `Store.drop_schedule`."""
        with self._files.writing() as db:
            return db.execute(Q["drop_schedule"], (name,)).rowcount == 1

    def fire_due(self, name: str, due: float, next_due: float | None, messages: Sequence[Message]) -> bool:
        """See `Store.fire_due`."""
        if failpoints.armed:
            failpoints.hit("sched.before_claim_moment")
        now = clock.now()
        rows = [push_row(m, now) for m in messages]
        with self._files.writing() as db:
            if db.execute(Q["move_schedule"], (name, due, next_due)).rowcount != 1:
                return False
            self._push(db, rows)
        if failpoints.armed:
            failpoints.hit("sched.after_commit")
        self._ready.ring()
        return True
