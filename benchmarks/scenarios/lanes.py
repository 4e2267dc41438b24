"""What it costs to run short jobs beside each other rather than one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.application import add, add_async, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target
from benchmarks.floors.drain import Drained
from benchmarks.place import fresh
from benchmarks.processes import cpu_of_children
from benchmarks.scale import Scale
from benchmarks.stored import first_and_last
from benchmarks.worker import run_until_empty


def rounds(scale: Scale) -> Iterator[Readings]:
    jobs = scale.laned
    for _ in range(scale.rounds):
        solo, threads = _drained(add, jobs), _drained(add, jobs, "-t", "8")
        solo_async, on_loop = _drained(add_async, jobs), _drained(add_async, jobs, "--async", "100")
        yield {
            "def, -t 8": Pair(threads.rate, solo.rate),
            "... CPU per def job": Pair(threads.cpu, solo.cpu),
            "async def, --async 100": Pair(on_loop.rate, solo_async.rate),
            "... CPU per async job": Pair(on_loop.cpu, solo_async.cpu),
        }


def _drained(task: Any, jobs: int, *options: str) -> Drained:
    with fresh() as folder, stored_in(folder):
        task.starmap((i, 1) for i in range(jobs))
        cpu = cpu_of_children()
        command = run_until_empty(folder, 1, *options)
        first, last = first_and_last(folder, jobs)
        return Drained.of(jobs, command, first, last, cpu_of_children() - cpu)


LANES = Scenario(
    "lanes",
    "A worker with one process works off no-op jobs as in `drain`: `def` with 8 threads, `async def` with "
    "100 places on an event loop. Floor: the same jobs with neither, one after the other in its main thread.",
    [
        Line("def, -t 8", "/s"),
        Line("... CPU per def job", "us", Target(60, at_most=True)),
        Line("async def, --async 100", "/s"),
        Line("... CPU per async job", "us", Target(60, at_most=True)),
    ],
    rounds,
)
