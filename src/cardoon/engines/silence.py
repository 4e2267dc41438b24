"""Who is dead: a proof on this host, or silence observed by the sweeper's own monotonic clock.

No two clocks are compared, so a clock that jumps, a starved process or an engine that was down for
an hour re-runs nothing (reliability M2).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from functools import cache
from math import inf
from pathlib import Path

from cardoon.engines.contract import SILENCE_OBSERVATIONS, SILENCE_SECONDS
from cardoon.model import clock
from cardoon.model.job import Report


@cache
def boot_id() -> str:
    """An id of this boot and its table of processes; empty where there is none: no proof then.

    Containers may share a host's name and boot, but not its table of processes.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


@cache
def host() -> str:
    """The name of this host."""
    return socket.gethostname()


def process_start(pid: int) -> int:
    """When this process started, in ticks since boot; 0 when there is none, or when it cannot be read."""
    with suppress(OSError):
        found = _process(pid)
        return found[2] if found else 0
    return 0


def is_stopped(pid: int) -> bool:
    """Whether a signal stopped this process; one that a debugger holds is not meant."""
    with suppress(OSError):
        found = _process(pid)
        return found is not None and found[0] == "T"
    return False


def _process(pid: int) -> tuple[str, int, int] | None:
    """State, parent and start of a process: fields 3, 4 and 22 of /proc/PID/stat (proc(5)); None when there
    is none. Raises OSError when that cannot be told, as without a free file descriptor: no proof of a death.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1]), int(fields[19])


def proven_dead(report: Report) -> bool:
    """Whether this host proves it: same boot, and no process of that pid and start any more.

    A dead process whose supervisor lives is left to it, which knows how the end came.
    """
    if not (report.boot and report.pid and report.pid_started):
        return False
    if report.boot != boot_id() or report.host != host() or report.supervisor == str(os.getpid()):
        return False
    with suppress(OSError):
        return not _lives(report) and not _judges(report.supervisor)
    return False


def _lives(report: Report) -> bool:
    found = _process(report.pid)
    return found is not None and found[0] not in "ZX" and found[2] == report.pid_started


def _judges(supervisor: str) -> bool:
    """Whether a supervisor can see what became of its processes: it runs, and nobody stopped it."""
    found = _process(int(supervisor)) if supervisor.isdecimal() else None
    return found is not None and found[0] not in "ZXT"


HICCUP_SECONDS = 1.0
"""A beat that failed, as when its connection was cut, and came through so soon says nothing of the others."""


class Silence:
    """Watches the beats of workers over repeated observations; belongs to one sweeper."""

    def __init__(self, seconds: float = SILENCE_SECONDS, observations: int = SILENCE_OBSERVATIONS) -> None:
        self.seconds = seconds
        self.observations = observations
        self._seen: dict[str, tuple[int, float, int]] = {}
        self._last = clock.monotonic()
        self._pid = os.getpid()
        self._fails_since: float | None = None

    def dead(self, reports: Iterable[Report]) -> list[str]:
        """The workers among these that are dead by proof or by silence, after this observation."""
        reports = list(reports)
        self._forget_what_was_missed()
        self._seen = {r.worker: self._observed(r) for r in reports}
        return [r.worker for r in reports if proven_dead(r) or self._silent(r.worker)]

    def again(self) -> float:
        """In how many seconds the next of the silent may have been so for long enough; inf without any."""
        left = [since + self.seconds - self._last for _beats, since, _times in self._seen.values()]
        return min((seconds for seconds in left if seconds > 0), default=inf)

    @contextmanager
    def unless_it_fails(self) -> Generator[None]:
        """Around a beat: while we cannot write, the others cannot either, and their silence says nothing."""
        begun = clock.monotonic()
        try:
            yield
        except BaseException:
            self._fails_since = begun if self._fails_since is None else self._fails_since
            raise
        if self._fails_since is not None and clock.monotonic() - self._fails_since > HICCUP_SECONDS:
            self._seen = {}
        self._fails_since = None

    def _forget_what_was_missed(self) -> None:
        """A sweeper that was itself stopped or forked has seen nothing and must observe again."""
        now = clock.monotonic()
        if now - self._last > self.seconds / 2 or self._pid != os.getpid():
            self._seen = {}
        self._last, self._pid = now, os.getpid()

    def _observed(self, report: Report) -> tuple[int, float, int]:
        before = self._seen.get(report.worker)
        if before is None or before[0] != report.beats:
            return report.beats, self._last, 1
        return report.beats, before[1], before[2] + 1

    def _silent(self, worker: str) -> bool:
        _beats, since, times = self._seen[worker]
        is_long = times >= self.observations and self._last - since >= self.seconds
        return is_long and self._fails_since is None
