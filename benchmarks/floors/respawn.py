"""The quickest recovery there is: a parent sees its process die and starts an interpreter in its place."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.worker import environment

_PROGRAM = "import time; print(time.time(), flush=True); input()"


def times(trials: int) -> Iterator[float]:
    """Seconds from the kill until the next one runs."""
    process, _ = _start()
    for _ in range(trials):
        killed = time.time()
        _end(process)
        process, started = _start()
        yield started - killed
    _end(process)


def _start() -> tuple[subprocess.Popen[bytes], float]:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    return process, float(process.stdout.readline())


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
