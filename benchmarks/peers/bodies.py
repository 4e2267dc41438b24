"""What the jobs do, in the worker of any system: each tells when it began and ended.

Each process counts in a file of its own, mapped into memory: a job costs it about a microsecond.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import threading
import time
from pathlib import Path

from benchmarks.peers.place import FOLDER

_FORM = struct.Struct("qdd")
_NAP_SECONDS = 0.05
HOLD_SECONDS = 0.5


class _Count:
    """The number of jobs that ended in this process, its first begin and its last end."""

    def __init__(self) -> None:
        file = os.open(FOLDER / f"count-{os.getpid()}", os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(file, _FORM.size)
        self._map = mmap.mmap(file, _FORM.size)
        self._lock = threading.Lock()
        self._jobs, self._first = 0, 0.0

    def add(self, began: float) -> None:
        with self._lock:
            self._jobs += 1
            self._first = self._first or began
            _FORM.pack_into(self._map, 0, self._jobs, self._first, time.time())


_count: _Count | None = None
_making = threading.Lock()


def _ended(began: float) -> None:
    (_count or _made()).add(began)


def _made() -> _Count:
    global _count
    with _making:
        _count = _count or _Count()
    return _count


def _forked() -> None:
    global _count, _making
    _count, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_forked)


def add(x: int, y: int) -> int:
    began = time.time()
    result = x + y
    _ended(began)
    return result


async def add_async(x: int, y: int) -> int:
    return add(x, y)


def nap() -> None:
    began = time.time()
    time.sleep(_NAP_SECONDS)
    _ended(began)


async def nap_async() -> None:
    began = time.time()
    await asyncio.sleep(_NAP_SECONDS)
    _ended(began)


def hold(number: int) -> None:
    """Stay a while, and write down what happens to the job of this number."""
    _note("begin", number)
    time.sleep(HOLD_SECONDS)
    _note("end", number)


async def hold_async(number: int) -> None:
    _note("begin", number)
    await asyncio.sleep(HOLD_SECONDS)
    _note("end", number)


def _note(word: str, number: int) -> None:
    with (FOLDER / "held").open("ab", buffering=0) as file:
        file.write(f"{word} {number} {time.time()}\n".encode())


def held(folder: Path) -> list[tuple[str, int, float]]:
    """What was written down: begin or end, the number of the job, and when."""
    file = folder / "held"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [(word, int(number), float(moment)) for word, number, moment in map(str.split, lines)]


def counted(folder: Path) -> tuple[int, float, float]:
    """How many jobs ended, the first begin and the last end, over all processes."""
    contents = [file.read_bytes() for file in folder.glob("count-*")]
    counts = [_FORM.unpack(content) for content in contents if any(content)]  # one may be about to begin
    if not counts:
        return 0, 0.0, 0.0
    return sum(c[0] for c in counts), min(c[1] for c in counts), max(c[2] for c in counts)


def forget(folder: Path) -> None:
    """Count from nothing again; the processes that counted have ended."""
    for file in folder.glob("count-*"):
        file.unlink()
