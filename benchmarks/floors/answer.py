"""The quickest answer there is: a process that waits, with a write to claim and one to finish.

As `python -m benchmarks.floors.answer ENGINE ADDRESS` it is that process, until it is ended.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from benchmarks.ground import Ground, floor_of
from benchmarks.place import Place
from benchmarks.worker import environment

Call = Callable[[], tuple[float, float]]
"""Seconds until the job started, and until the caller knew its result."""


@contextmanager
def caller(ground: Ground, place: Place) -> Iterator[Call]:
    """A caller whose other end is ready."""
    command = [sys.executable, "-m", __name__, ground.engine, place.floor]
    with closing(ground.floor(place)) as floor, subprocess.Popen(command, env=environment()) as worker:

        def call() -> tuple[float, float]:
            sent = time.time()
            floor.ask()
            started = floor.hear()
            return started - sent, time.time() - sent

        try:
            call()
            yield call
        finally:
            worker.terminate()


def main() -> None:
    """The process that answers."""
    engine, address = sys.argv[1:]
    floor_of(engine)(address).answer()


if __name__ == "__main__":
    main()
