"""`kill -9` of a whole worker, and a new one started at once: what becomes of the jobs that ran."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.peers import bodies
from benchmarks.peers.processes import Place, Sender, Trouble, working
from benchmarks.peers.registry import System

JOBS, PATIENCE_SECONDS = 10, 20.0
_BEGIN_SECONDS, _LOOK_SECONDS = 20.0, 0.02


class Killed(msgspec.Struct, frozen=True):
    """How many jobs ran at the kill, and after how many seconds the last of them that did so began again.

    `gone` is how many did not end within `PATIENCE_SECONDS`, those included that had not begun; `twice`
    how many ended twice.
    """

    ran: int
    again: float | None
    gone: int
    twice: int


def kill(system: System, url: str) -> Killed | str:
    """What became of the jobs, or why it could not be tried."""
    with tempfile.TemporaryDirectory(prefix="cardoon-peers-", ignore_cleanup_errors=True) as folder:
        place = Place(system, url, Path(folder))
        try:
            with closing(Sender(place)) as sender:
                sender("prepare")
                sender("connect")
                sender("hold", JOBS)
                return _killed(place, sender("workers"))
        except (Trouble, OSError) as error:
            return str(error)


def _killed(place: Place, commands: list[list[str]]) -> Killed:
    with working(place, commands, 0):
        if not _until(lambda: bool(bodies.held(place.folder)), _BEGIN_SECONDS):
            raise place.trouble("no job began")
        time.sleep(bodies.HOLD_SECONDS / 2)
    moment, before = time.time(), bodies.held(place.folder)
    ran = {number for word, number, _ in before if word == "begin"} - _ended(before).keys()
    with working(place, commands, 0):
        _until(lambda: len(_ended(bodies.held(place.folder))) == JOBS, PATIENCE_SECONDS)
    after = bodies.held(place.folder)[len(before) :]
    again = [at - moment for word, number, at in after if word == "begin" and number in ran]
    ends = _ended([*before, *after])
    return Killed(
        ran=len(ran),
        again=max(again, default=None),
        gone=JOBS - len(ends),
        twice=sum(1 for times in ends.values() if times > 1),
    )


def _ended(held: list[tuple[str, int, float]]) -> Counter[int]:
    return Counter(number for word, number, _ in held if word == "end")


def _until(fact: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := fact()) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return found
