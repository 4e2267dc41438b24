"""On which cores a sender and its server are.

Who waits for a server waits for another process to be woken. On two cores the scheduler lays both on one of
them, or each on its own, by luck, and keeps to that for minutes; one is up to three times as fast.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cardoon.testing.faults.processes import family_of


@contextmanager
def apart(server: int, sender: int = 0) -> Iterator[None]:
    """The sender (we, unless it is named) is on the first core, the server on the last one.

    Without a server everything is as it was.
    """
    cores = sorted(os.sched_getaffinity(0))
    with _laid({sender or os.getpid(): cores[0], server: cores[-1]} if server else {}):
        yield


@contextmanager
def on_one(server: int, sender: int = 0) -> Iterator[None]:
    """The sender and the server, if there is one, are on the first core."""
    core = min(os.sched_getaffinity(0))
    with _laid({pid: core for pid in (sender or os.getpid(), server) if pid}):
        yield


@contextmanager
def _laid(where: dict[int, int]) -> Iterator[None]:
    """Each process with all below it on this core: a server is below us, so it comes last."""
    before = os.sched_getaffinity(0)
    try:
        for pid, core in where.items():
            _lay(pid, {core})
        yield
    finally:
        for pid in where:
            _lay(pid, before)


def _lay(pid: int, cores: set[int]) -> None:
    """A process with all that it started; what a server starts for a connection goes with it, too."""
    for one in family_of(pid):
        with suppress(ProcessLookupError, FileNotFoundError):  # it ended meanwhile
            for thread in Path(f"/proc/{one}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)
