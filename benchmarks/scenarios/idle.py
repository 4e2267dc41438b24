"""What a worker costs that has nothing to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere
from benchmarks.floors import look
from benchmarks.ground import Ground
from benchmarks.place import Place
from benchmarks.processes import cpu_seconds, pss_mib, rss_mib, tree
from benchmarks.scale import Scale
from benchmarks.worker import environment, running

PROCESSES = 2
SETTLING_SECONDS = 1.0
LANES = ("-t", "8", "--async", "100")


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with ground.fresh() as place, stored_in(place), running(place, PROCESSES) as worker:
            add.delay(1, 1).get(timeout=10)
            time.sleep(min(SETTLING_SECONDS, scale.idle_seconds))
            supervisor, *children = tree(worker.pid)
            cpu = _cpu_percent([supervisor, *children], scale.idle_seconds)
            python, python_rss = _plain_python()
            yield {
                "idle worker, 2 processes": Pair(cpu, _least(ground, place, scale.idle_seconds)),
                "memory of the supervisor": Pair(pss_mib(supervisor), python),
                "... with what is shared": Pair(rss_mib(supervisor), python_rss),
                "memory of a process": Pair(max(map(pss_mib, children)), python),
                "... and what is shared": Pair(max(map(rss_mib, children)), python_rss),
            }


def _least(ground: Ground, place: Place, seconds: float) -> float:
    with look.idle(ground, place, PROCESSES) as pids:
        return _cpu_percent(pids, seconds)


def rounds_with_lanes(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        yield _with_lanes(ground, scale)


def _with_lanes(ground: Ground, scale: Scale) -> Readings:
    with ground.fresh() as place, stored_in(place), running(place, PROCESSES, *LANES) as worker:
        add.delay(1, 1).get(timeout=10)
        time.sleep(min(SETTLING_SECONDS, scale.idle_seconds))
        everyone = tree(worker.pid)
        cpu = _cpu_percent(everyone, scale.idle_seconds)
        return {
            "idle, -t 8 --async 100": Pair(cpu),
            "... memory of a process": Pair(max(map(pss_mib, everyone[1:]))),
        }


def _cpu_percent(pids: list[int], seconds: float) -> float:
    before, begun = sum(map(cpu_seconds, pids)), time.monotonic()
    time.sleep(seconds)
    return 100 * (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - begun)


def _plain_python() -> tuple[float, float]:
    """The memory of an interpreter that does nothing: PSS and RSS."""
    program = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        program, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as python:
        assert python.stdout
        python.stdout.readline()
        memory = pss_mib(python.pid), rss_mib(python.pid)
        python.communicate(b"\n")
    return memory


IDLE = Scenario(
    "idle",
    f"A worker with {PROCESSES} processes and no jobs: processor time of all its processes per second, and "
    "their memory (PSS: what processes share is divided among them; with what is shared: RSS). Floor of the "
    f"time: {PROCESSES} processes that ask with the driver for a job once a second, and nothing else; of the "
    "memory: an interpreter that has imported nothing.",
    [
        Line("idle worker, 2 processes", "% CPU", everywhere(Target(1.0, at_most=True)), places=2),
        Line("memory of the supervisor", "MiB", places=1),
        Line("... with what is shared", "MiB", places=1),
        Line("memory of a process", "MiB", everywhere(Target(30, at_most=True)), places=1),
        Line("... and what is shared", "MiB", places=1),
    ],
    rounds,
)
IDLE_LANES = Scenario(
    "idle-lanes",
    "The same of a worker whose processes have 8 threads and an event loop.",
    [
        Line("idle, -t 8 --async 100", "% CPU", everywhere(Target(1.0, at_most=True)), places=2),
        Line("... memory of a process", "MiB", everywhere(Target(30, at_most=True)), places=1),
    ],
    rounds_with_lanes,
)
