"""What processes find, and what they use, as the kernel tells it (Linux)."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

_CPU_CLOCK_OF_PROCESS = 2
_NOT_OURS = ("CARDOON_", "PYTHONDONTWRITEBYTECODE")


def plain_environment() -> dict[str, str]:
    """Ours without settings of Cardoon; modules are found compiled, as in production."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}


def tree(pid: int) -> list[int]:
    """The process and all that descend from it, parents first."""
    return [pid, *(below for child in _children(pid) for below in tree(child))]


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far, to the nanosecond: /proc/PID/stat counts in 10 ms."""
    return time.clock_gettime(~pid << 3 | _CPU_CLOCK_OF_PROCESS)  # as clock_getcpuclockid(3) makes it


def cpu_of_children() -> float:
    """That of all children so far that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pss_mib(pid: int) -> float:
    """Its memory: what it has alone, and its part of what it shares with others."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def rss_mib(pid: int) -> float:
    """Its memory with all that it shares with others."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
