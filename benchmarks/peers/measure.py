"""One round of one system: everything that is measured of it, in a fresh place."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from benchmarks import cores
from benchmarks.figures import percentile
from benchmarks.peers import bodies
from benchmarks.peers.processes import Place, Sender, Trouble, working
from benchmarks.peers.registry import System
from benchmarks.processes import cpu_seconds, tree

NAP_SECONDS, AT_ONCE = 0.05, 100
_DONE_SECONDS, _STANDSTILL_SECONDS = 90.0, 20.0
_LOOK_SECONDS = 0.01


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of jobs and calls of one round; `share` is of the jobs that a system is to drain."""

    rounds: int = 3
    sends: int = 1_000
    share: float = 1.0
    calls: int = 300
    idle_calls: int = 7
    idle_seconds: float = 1.0
    naps: int = 1_000


USUAL = Size()
QUICK = Size(rounds=1, sends=200, share=0.2, calls=40, idle_calls=2, idle_seconds=0.5, naps=200)


class Measured(msgspec.Struct):
    """The figures of one round by their names, and why others are missing."""

    values: dict[str, float] = {}
    trouble: dict[str, str] = {}
    versions: dict[str, str] = {}


def measure(system: System, url: str, size: Size, server: int = 0) -> Measured:
    """What does not work is noted, and the rest is measured nevertheless; `server` is its process."""
    found = Measured()
    with tempfile.TemporaryDirectory(prefix="cardoon-peers-", ignore_cleanup_errors=True) as folder:
        place = Place(system, url, Path(folder))
        with _noted(found, "all"), closing(Sender(place)) as sender:
            found.versions = sender("versions")
            sender("prepare")
            sender("connect")
            with cores.apart(server, sender.pid):
                found.values["send"] = size.sends / sender("send", size.sends)
            with cores.on_one(server, sender.pid):
                found.values["send on one core"] = size.sends / sender("send", size.sends)
            _no_ops(place, sender, size, found)
        with _noted(found, "naps"):
            _naps(place, size, found)
    return found


@contextmanager
def _noted(found: Measured, name: str) -> Iterator[None]:
    try:
        yield
    except (Trouble, OSError) as error:
        found.trouble[name] = str(error)


def _no_ops(place: Place, sender: Sender, size: Size, found: Measured) -> None:
    sent = 2 * size.sends
    jobs = max(sent, round(place.system.jobs * size.share))
    left = jobs - sent
    if seconds := (sender("send_many", left) if left else None):
        found.values["bulk"] = left / seconds
    elif left:
        found.trouble["bulk"] = "it has none"
        sender("send", left)
    with working(place, sender("workers"), 0) as pids:
        _drain(place, jobs, pids, found)
        with _noted(found, "calls"):
            _calls(sender, size, found)
    bodies.forget(place.folder)


def _drain(place: Place, jobs: int, pids: list[int], found: Measured) -> None:
    """Jobs per second, from the begin of the first to the end of the last; and CPU, of those seen to end."""
    _done(place, 1)
    before, used = bodies.counted(place.folder)[0], _cpu_seconds(pids)
    first, last = _done(place, jobs)
    found.values["drain"] = jobs / (last - first)
    if jobs > before:
        found.values["cpu"] = 1e6 * (_cpu_seconds(pids) - used) / (jobs - before)


def _cpu_seconds(pids: list[int]) -> float:
    """Of these and of all that they started, as far as it lives."""
    return sum(cpu_seconds(pid) for first in pids for pid in tree(first))


def _calls(sender: Sender, size: Size, found: Measured) -> None:
    sender("call", 1, 0.0)
    back_to_back = sender("call", size.calls, 0.0)
    idle = sender("call", size.idle_calls, size.idle_seconds)
    found.values["call p50"] = percentile(back_to_back, 50) * 1000
    found.values["call p99"] = percentile(back_to_back, 99) * 1000
    found.values["idle call p50"] = percentile(idle, 50) * 1000


def _naps(place: Place, size: Size, found: Measured) -> None:
    """What part of the time that the jobs took was needed, in percent."""
    if not place.system.sleeps:
        raise Trouble("a process runs one job at a time")
    if "drain" not in found.values:
        raise Trouble("it runs no jobs")
    with closing(Sender(place, AT_ONCE)) as sender:
        sender("connect")
        sender("nap", size.naps)
        with working(place, sender("workers"), AT_ONCE):
            first, last = _done(place, size.naps)
    found.values["naps"] = 100 * (size.naps / AT_ONCE * NAP_SECONDS) / (last - first)


def _done(place: Place, jobs: int) -> tuple[float, float]:
    """The begin of the first of so many jobs and the end of the last; raises Trouble when they do not end."""
    moved = _Moved()
    while True:
        ended, first, last = bodies.counted(place.folder)
        if ended >= jobs:
            return first, last
        if moved.stands_still(ended):
            raise place.trouble(f"{ended:,} of {jobs:,} jobs ended")
        time.sleep(_LOOK_SECONDS)


class _Moved:
    """Whether there was anything new lately."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._begun = self._changed = now()
        self._last = -1

    def stands_still(self, value: int) -> bool:
        now = self._now()
        if value != self._last:
            self._last, self._changed = value, now
        return now - self._changed > _STANDSTILL_SECONDS or now - self._begun > _DONE_SECONDS
