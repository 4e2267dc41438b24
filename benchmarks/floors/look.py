"""The least that an idle worker does: it asks its engine once a second whether there is something.

As `python -m benchmarks.floors.look ENGINE ADDRESS` it is a process that does, until it is ended.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from benchmarks.ground import Ground, floor_of
from benchmarks.place import Place
from benchmarks.worker import environment

SECONDS = 1.0


@contextmanager
def idle(ground: Ground, place: Place, processes: int) -> Iterator[list[int]]:
    """The ids of so many processes that do nothing else; each has asked once."""
    command = [sys.executable, "-m", __name__, ground.engine, place.floor]
    with closing(ground.floor(place)), ExitStack() as stack:
        pids = []
        for _ in range(processes):
            process = stack.enter_context(
                subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE)
            )
            stack.callback(process.terminate)
            assert process.stdout
            process.stdout.readline()
            pids.append(process.pid)
        yield pids


def main() -> None:
    """The process."""
    engine, address = sys.argv[1:]
    floor = floor_of(engine)(address)
    floor.exchange([], 1)
    print(flush=True)
    while True:
        time.sleep(SECONDS)
        floor.exchange([], 1)


if __name__ == "__main__":
    main()
