"""What jobs hold on Redis: locks, rates, barriers; and the schedules."""

from __future__ import annotations

from collections.abc import Sequence

from cardoon import failpoints
from cardoon.engines.redis.core import Core, packed_messages
from cardoon.engines.redis.wire import packed
from cardoon.model.job import Schedule
from cardoon.model.message import Message


class Holding(Core):
    """Locks, limits, barriers and schedules; see the contract for what each verb promises."""

    def acquire(
        self, name: str, owner: str, *, slots: int = 1, seconds: float | None = None, worker: str = ""
    ) -> int | None:
        """See `Store.acquire`."""
        until = "" if seconds is None else seconds
        number = self._server.run("acquire", name, owner, slots, until, worker)
        if failpoints.armed and number:
            failpoints.hit("lock.after_acquire")
        return int(number) or None

    def renew(self, name: str, owner: str, *, seconds: float) -> bool:
        """See `Store.renew`."""
        if failpoints.armed:
            failpoints.hit("lock.renew")
        return bool(self._server.run("renew", name, owner, seconds))

    def release(self, name: str, owner: str) -> bool:
        """See `Store.release`."""
        return bool(self._server.run("renew", name, owner, ""))

    def take(self, bucket: str, *, per_second: float, burst: int = 1) -> float:
        """See `Store.take`."""
        return float(self._server.run("take", bucket, per_second, burst))

    def arrive(self, barrier: str, member: str, *, of: int) -> bool:
        """See `Store.arrive`."""
        return bool(self._server.run("arrive", barrier, member, of))

    def save_schedule(self, schedule: Schedule, *, seed: bool = False) -> bool:
        """See `Store.save_schedule`."""
        moment = "" if schedule.next_due is None else schedule.next_due
        values = (schedule.name, moment, int(schedule.enabled), schedule.data, int(seed))
        return bool(self._server.run("schedule", *values))

    def schedules(self) -> list[Schedule]:
        """See `Store.schedules`."""
        told = self._server.run("schedules")
        found = [_schedule(*told[n : n + 3]) for n in range(0, len(told), 3)]
        return sorted(found, key=lambda schedule: schedule.name)

    def drop_schedule(self, name: str) -> bool:
        """See `Store.drop_schedule`."""
        return bool(self._server.run("unschedule", name))

    def fire_due(self, name: str, due: float, next_due: float | None, messages: Sequence[Message]) -> bool:
        """See `Store.fire_due`."""
        if failpoints.armed:
            failpoints.hit("sched.before_claim_moment")
        head = packed([name, float(due), "" if next_due is None else float(next_due)])
        fired = self._server.send("fire", head + packed_messages(messages), 3 + 3 * len(messages))
        if failpoints.armed and fired:
            failpoints.hit("sched.after_commit")
        return bool(fired)


def _schedule(name: bytes, kept: bytes, data: bytes) -> Schedule:
    enabled, _, moment = kept.decode().partition(" ")
    due = float(moment) if moment else None
    return Schedule(name=name.decode(), next_due=due, enabled=enabled == "1", data=data)
