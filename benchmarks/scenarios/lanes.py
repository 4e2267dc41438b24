"""What it costs to run short jobs beside each other rather than one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.application import add, add_async, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere
from benchmarks.floors.drain import Drained
from benchmarks.ground import Ground
from benchmarks.processes import cpu_of_children
from benchmarks.scale import Scale
from benchmarks.stored import first_and_last
from benchmarks.worker import run_until_empty


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    jobs = scale.laned
    for _ in range(scale.rounds):
        solo, threads = _drained(ground, add, jobs), _drained(ground, add, jobs, "-t", "8")
        solo_async = _drained(ground, add_async, jobs)
        on_loop = _drained(ground, add_async, jobs, "--async", "100")
        yield {
            "def, -t 8": Pair(threads.rate, solo.rate),
            "... CPU per def job": Pair(threads.cpu, solo.cpu),
            "async def, --async 100": Pair(on_loop.rate, solo_async.rate),
            "... CPU per async job": Pair(on_loop.cpu, solo_async.cpu),
        }


def _drained(ground: Ground, task: Any, jobs: int, *options: str) -> Drained:
    with ground.fresh() as place, stored_in(place):
        task.starmap((i, 1) for i in range(jobs))
        cpu = cpu_of_children()
        command = run_until_empty(place, 1, *options)
        used = cpu_of_children() - cpu
        first, last = first_and_last(jobs)
    return Drained.of(jobs, command, first, last, used)


LANES = Scenario(
    "lanes",
    "A worker with one process works off no-op jobs as in `drain`: `def` with 8 threads, `async def` with "
    "100 places on an event loop. Floor: the same jobs with neither, one after the other in its main thread.",
    [
        Line("def, -t 8", "/s"),
        Line("... CPU per def job", "us", everywhere(Target(60, at_most=True))),
        Line("async def, --async 100", "/s"),
        Line("... CPU per async job", "us", everywhere(Target(60, at_most=True))),
    ],
    rounds,
)
