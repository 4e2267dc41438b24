"""Locks, rate buckets and barriers of a memory engine. Its caller holds the lock of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardoon.model import clock

_CLOCK_GRAIN = 1e-6
"""Seconds; a caller that waited what `take` said must not miss its token by a rounding."""


@dataclass(slots=True)
class Hold:
    """One owner's hold of one lock; `until` None holds for ever."""

    number: int
    worker: str
    until: float | None


@dataclass(slots=True)
class Lock:
    """A name, the last number given out under it (never forgotten), and who holds it now."""

    last: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)


class Locks:
    """All locks by name."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def _now(self, name: str) -> Lock:
        """The lock as it is now, without the holds whose time is over."""
        lock, now = self._locks.setdefault(name, Lock()), clock.now()
        lock.holds = {o: h for o, h in lock.holds.items() if h.until is None or h.until > now}
        return lock

    def acquire(self, name: str, owner: str, slots: int, seconds: float | None, worker: str) -> int | None:
        """Its number, or None when all slots are held by others."""
        lock = self._now(name)
        until = None if seconds is None else clock.now() + seconds
        if owner in lock.holds:
            lock.holds[owner].until = until
            return lock.holds[owner].number
        if len(lock.holds) >= slots:
            return None
        lock.last += 1
        lock.holds[owner] = Hold(lock.last, worker, until)
        return lock.last

    def renew(self, name: str, owner: str, seconds: float) -> bool:
        """Hold it longer, if it is held."""
        hold = self._now(name).holds.get(owner)
        if hold is None:
            return False
        hold.until = clock.now() + seconds
        return True

    def release(self, name: str, owner: str) -> bool:
        """Free it, if it is held."""
        return self._now(name).holds.pop(owner, None) is not None

    def retire(self, worker: str) -> None:
        """Free what this worker holds."""
        for lock in self._locks.values():
            lock.holds = {o: h for o, h in lock.holds.items() if h.worker != worker}


class Buckets:
    """Rate tokens by the generic cell rate algorithm: per bucket the moment at which it is full again."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}

    def take(self, bucket: str, per_second: float, burst: int) -> float:
        """0.0 and one token less, or the seconds until there is one."""
        now, each = clock.now(), 1.0 / per_second
        # No grant leads further ahead than the whole burst: what lies beyond is a clock set back.
        full_at = min(max(self._full_at.get(bucket, now), now), now + burst * each)
        wait = full_at + each - burst * each - now
        if wait > _CLOCK_GRAIN:
            return wait
        self._full_at[bucket] = full_at + each
        return 0.0


class Barriers:
    """Sets of members that are complete at a number; the moment of the last arrival is kept."""

    def __init__(self) -> None:
        self._members: dict[str, set[str]] = {}
        self._last: dict[str, float] = {}

    def arrive(self, barrier: str, member: str, of: int) -> bool:
        """True for the arrival that makes it complete."""
        members = self._members.setdefault(barrier, set())
        if member in members or len(members) >= of:
            return False
        members.add(member)
        self._last[barrier] = clock.now()
        return len(members) == of

    def forget(self, before: float) -> None:
        """Forget the barriers at which nobody arrived since this moment."""
        for barrier in [b for b, last in self._last.items() if last < before]:
            del self._members[barrier], self._last[barrier]
