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
from benchmarks.processes import cpu_seconds, pss_mib, rss_mib, tree
from benchmarks.scale import Scale
from benchmarks.worker import environment, running

PROCESSES = 2
SETTLING_SECONDS = 1.0
LANES = ("-t", "8", "--async", "100")


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with ground.fresh() as place, stored_in(place):
            with running(place, PROCESSES) as worker:
                add.delay(1, 1).get(timeout=10)
                time.sleep(min(SETTLING_SECONDS, scale.idle_seconds))
                pids = tree(worker.pid)
                cpu = _cpu_percent(pids, scale.idle_seconds)
                private, shared = list(map(pss_mib, pids)), list(map(rss_mib, pids))
            with look.idle(ground, place, PROCESSES) as least:
                least_cpu, least_memory = _cpu_percent(least, scale.idle_seconds), sum(map(pss_mib, least))
        python, python_rss = _plain_python()
        yield {
            "idle worker, 2 processes": Pair(cpu, least_cpu),
            "... memory of all": Pair(sum(private), least_memory),
            "memory of the supervisor": Pair(private[0], python),
            "... with what is shared": Pair(shared[0], python_rss),
            "memory of a process": Pair(max(private[1:]), python),
            "... and what is shared": Pair(max(shared[1:]), python_rss),
        }


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
    f"time and of the memory of all: {PROCESSES} processes that ask with the driver for a job once a second, "
    "and nothing else; of each process: an interpreter that has imported nothing.",
    [
        Line("idle worker, 2 processes", "% CPU", everywhere(Target(0.3, at_most=True)), places=2),
        Line("... memory of all", "MiB", everywhere(Target(38, at_most=True)), places=1),
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
