"""A wall clock that jumps, for whole processes.

A small library is preloaded (`LD_PRELOAD`) that stands between a process and the system's clock. A hook in
Cardoon's own clock would move Cardoon alone: the task, its libraries, SQLite and the log would read another
time than the worker, which no real jump does.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cardoon.testing.faults.processes import CannotInject, only_on_linux

_SOURCE = Path(__file__).with_name("clock_shim.c")
_SHIFT = struct.Struct("=q")
_COMPILERS = ("gcc", "cc", "clang")


class WallClock:
    """The clock of all processes that were started with its `environment`, and of their children."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.environment = {"LD_PRELOAD": str(library), "CARDOON_TEST_CLOCK": str(file)}
        self._seconds = 0.0
        self.jump(0.0)

    def jump(self, seconds: float) -> None:
        """Set it on, or back, by so much from where it is; running processes see that at once."""
        self._seconds += seconds
        with self._file.open("r+b" if self._file.exists() else "xb") as file:
            file.write(_SHIFT.pack(round(self._seconds * 1e9)))


@contextmanager
def wall_clock() -> Generator[WallClock]:
    """A clock that is right until it is told to jump. Raises CannotInject without a C compiler."""
    only_on_linux("a clock that jumps")
    with tempfile.TemporaryDirectory(prefix="cardoon-clock-") as folder:
        yield WallClock(_library(Path(folder)), Path(folder) / "shift")


def _library(folder: Path) -> Path:
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise CannotInject("a clock that jumps needs a C compiler (gcc, cc or clang); install one")
    library = folder / "clock.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", library, _SOURCE],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotInject(f"{compiler} could not build the clock: {done.stderr.strip()}")
    return library
