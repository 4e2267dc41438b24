"""How long a process lives: bounds drawn once, so that the processes of a worker do not all leave at once."""

from __future__ import annotations

import os
from pathlib import Path

from cardoon.model import clock
from cardoon.worker.loop import Loop
from cardoon.worker.plan import Lifetime

JITTER = 0.1


class Bounds:
    """What one process may use up. `passed` says which bound it met, in words."""

    def __init__(self, plan: Lifetime) -> None:
        self.jobs = None if plan.jobs is None else max(1, round(_drawn(plan.jobs)))
        self._bytes = plan.bytes
        self._seconds = None if plan.seconds is None else _drawn(plan.seconds)
        self._idle = None if plan.idle is None else _drawn(plan.idle)
        self._started = clock.monotonic()

    def __bool__(self) -> bool:
        return any(b is not None for b in (self.jobs, self._bytes, self._seconds, self._idle))

    def passed(self, loop: Loop) -> str:
        """Why the process should leave now; empty while it may stay."""
        now = clock.monotonic()
        if self.jobs is not None and loop.jobs >= self.jobs:
            return f"ran {loop.jobs} jobs"
        if self._seconds is not None and now - self._started >= self._seconds:
            return f"ran for {now - self._started:.0f} s"
        if self._idle is not None and not loop.pool.in_hand() and now - loop.busy_until >= self._idle:
            return f"had no job for {now - loop.busy_until:.0f} s"
        if self._bytes is not None and (used := memory_in_use()) >= self._bytes:
            return f"used {used / 2**20:.0f} MiB"
        return ""


def _drawn(bound: float) -> float:
    return bound - clock.full_jitter(bound * JITTER)


def memory_in_use() -> int:
    """The bytes of this process in memory; what it ever used at most where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
