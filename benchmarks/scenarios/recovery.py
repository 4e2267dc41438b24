"""How soon a job runs again whose process was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.application import hold, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere, percentile
from benchmarks.floors import respawn
from benchmarks.ground import Ground
from benchmarks.processes import tree
from benchmarks.scale import Scale
from benchmarks.worker import PATIENCE_SECONDS, end, probed, ready, running, start, stop, until
from cardoon.result import AsyncResult

KILLS = {"process, of 2": 2, "process, of 1": 1}


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        floor = list(respawn.times(scale.kills))
        found = {what: _kill_processes(ground, number, scale.kills) for what, number in KILLS.items()}
        found["worker"] = _kill_workers(ground, scale.worker_kills)
        yield {
            f"kill a {what} p{percent}": Pair(
                1000 * percentile(seconds, percent), 1000 * percentile(floor, percent)
            )
            for what, seconds in found.items()
            for percent in (50, 99)
        }


def _kill_processes(ground: Ground, processes: int, trials: int) -> list[float]:
    with ground.fresh() as place, stored_in(place), running(place, processes, *probed(place.folder)):
        return [_kill_process(place.folder / str(number), processes) for number in range(trials)]


def _kill_process(file: Path, processes: int) -> float:
    """Seconds from the kill until its job started again, all processes being ready before."""
    asked = time.time()
    until(lambda: ready(file.parent, since=asked) == processes)
    handle, pid = _held(file)
    killed = time.time()
    os.kill(pid, signal.SIGKILL)
    return _started_again(handle) - killed


def _kill_workers(ground: Ground, trials: int) -> list[float]:
    with ground.fresh() as place, stored_in(place):
        worker, seconds = start(place, "-p", "2"), []
        try:
            for number in range(trials):
                handle, _ = _held(place.folder / str(number))
                killed = time.time()
                _kill_all(worker)
                worker = start(place, "-p", "2")
                seconds.append(_started_again(handle) - killed)
        finally:
            stop(worker)
    return seconds


def _kill_all(worker: subprocess.Popen[bytes]) -> None:
    for pid in tree(worker.pid):
        os.kill(pid, signal.SIGKILL)
    end(worker)


def _held(file: Path) -> tuple[AsyncResult[None], int]:
    """A job that runs and will not end by itself, and the process that runs it."""
    handle = hold.delay(str(file), PATIENCE_SECONDS)
    until(lambda: file.exists() and file.read_text().endswith("\n"))
    return handle, int(file.read_text())


def _started_again(handle: AsyncResult[None]) -> float:
    handle.get(timeout=PATIENCE_SECONDS)
    job = handle.job
    if job is None or job.started is None or job.attempt < 2:
        raise RuntimeError(f"no second start is known of {job}")
    return job.started


RECOVERY = Scenario(
    "recovery",
    "`kill -9` of the process that runs a job, of a worker with 2 processes (the other one is idle) and of "
    "one with a single process: from the kill to the job's next start, 30 times. Then of a whole worker, its "
    "supervisor and both processes, after which a new one is started at once: 10 times. Floor: a parent that "
    "waits for its process and starts an interpreter in its place.",
    [
        Line(f"kill a {what} p{percent}", "ms", everywhere(target) if percent == 99 else {})
        for what, target in (
            *((what, Target(1_000, at_most=True)) for what in KILLS),
            ("worker", Target(3_000, at_most=True)),
        )
        for percent in (50, 99)
    ],
    rounds,
)
