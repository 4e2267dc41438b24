"""Other processes: a real worker, as its command starts it, and plain interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

import cardoon
from benchmarks.application import app
from benchmarks.place import ROOT, Place
from benchmarks.processes import plain_environment
from cardoon.worker.probe import Health

COMMAND = ("-m", "cardoon", "worker", "benchmarks.application:app", "-l", "warning")
PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.005


def environment(place: Place | None = None) -> dict[str, str]:
    """That of a process which finds this checkout, and the jobs of this place."""
    paths = [str(ROOT), str(Path(cardoon.__file__).parents[1])]
    jobs = {"CARDOON_URL": place.url} if place else {}
    return {**plain_environment(), **jobs, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def running(place: Place, processes: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker whose processes are all ready; stopped in order afterwards."""
    with start(place, "-p", str(processes), *options) as worker:
        try:
            until(lambda: worker.poll() is not None or len(app.engine.workers()) == processes)
            _check(worker.poll() in (None, 0), "a worker died", place.folder)
            yield worker
        finally:
            stop(worker)


def run_until_empty(place: Place, processes: int, *options: str) -> float:
    """A worker that ends when no job is left; the moment of its command."""
    moment = time.time()
    with start(place, "-p", str(processes), "--burst", *options) as worker:
        code = end(worker)
    _check(code == 0, f"a worker ended with {code}", place.folder)
    return moment


def start(place: Place, *options: str) -> subprocess.Popen[bytes]:
    """A worker of the jobs in this place; what it says goes to a file in its folder."""
    with (place.folder / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *COMMAND, *options], cwd=place.folder, env=environment(place), stderr=log
        )


def stop(worker: subprocess.Popen[bytes]) -> None:
    """Let it end in order, if it still lives."""
    worker.terminate()
    end(worker)


def probed(folder: Path) -> tuple[str, str]:
    """The options of a worker that is to tell how many of its processes are `ready`."""
    return "--probe-file", str(folder / "health")


def ready(folder: Path, since: float = 0.0) -> int:
    """How many processes of a worker take jobs, if it was said after this moment."""
    file = folder / "health"
    said = msgspec.json.decode(file.read_bytes(), type=Health) if file.exists() else None
    return said.children if said is not None and said.t > since else 0


def python(*arguments: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def milliseconds_of(program: str) -> float:
    """What an interpreter takes for this program, from its command to its end."""
    begun = time.perf_counter()
    python("-c", program)
    return (time.perf_counter() - begun) * 1000


def until(fact: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a fact; raises TimeoutError when it does not come true."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain")
        time.sleep(_LOOK_SECONDS)


def end(worker: subprocess.Popen[bytes]) -> int:
    """Its exit code; raises TimeoutExpired, and kills it, when it does not end. Its processes end with it."""
    try:
        return worker.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        raise


def _check(good: bool, what: str, folder: Path) -> None:
    if not good:
        raise RuntimeError(f"{what}:\n{(folder / 'worker.log').read_text()}")
