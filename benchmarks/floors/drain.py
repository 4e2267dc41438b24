"""The smallest worker there is: finish the last batch and claim the next in one step.

As `python -m benchmarks.floors.drain ENGINE ADDRESS BATCH` it is one of its processes, and prints the moments
of its first start and its last finish.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing

import msgspec

from benchmarks.floors.floor import End, Job
from benchmarks.ground import Ground, floor_of
from benchmarks.place import Place
from benchmarks.processes import cpu_of_children
from benchmarks.worker import environment
from cardoon.model import clock

_FILL = 5_000


class Drained(msgspec.Struct, frozen=True):
    """Jobs per second, from the first start and from the command on; microseconds of CPU per job."""

    rate: float
    from_command: float
    cpu: float

    @classmethod
    def of(cls, jobs: int, command: float, first: float, last: float, cpu_seconds: float) -> Drained:
        return cls(jobs / (last - first), jobs / (last - command), cpu_seconds / jobs * 1e6)


def run(ground: Ground, place: Place, jobs: int, batch: int, processes: int) -> Drained:
    """Work off so many jobs with so many processes."""
    _fill(ground, place, jobs)
    cpu, command = cpu_of_children(), time.time()
    line = [sys.executable, "-m", __name__, ground.engine, place.floor, str(batch)]
    workers = [subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE) for _ in range(processes)]
    moments = [list(map(float, worker.communicate()[0].split())) for worker in workers]
    first, last = min(moment[0] for moment in moments), max(moment[1] for moment in moments)
    return Drained.of(jobs, command, first, last, cpu_of_children() - cpu)


def _fill(ground: Ground, place: Place, jobs: int) -> None:
    bodies = [json.dumps({"task": "add", "args": [i, 1]}).encode() for i in range(jobs)]
    rows = [(clock.new_id(), body) for body in bodies]
    with closing(ground.floor(place)) as floor:
        for start in range(0, jobs, _FILL):
            floor.fill(rows[start : start + _FILL])


def main() -> None:
    """One of the worker processes."""
    engine, address, batch = sys.argv[1:]
    floor = floor_of(engine)(address)
    first = finished = time.time()
    ends: list[End] = []
    while jobs := floor.exchange(ends, int(batch)):
        ends = [_run(job) for job in jobs]
        finished = time.time()
    print(first, finished)


def _run(job: Job) -> End:
    started = time.time()
    ref, body = job
    call = json.loads(body)
    result = _add(*call["args"])
    return json.dumps(result), started, time.time(), ref


def _add(x: int, y: int) -> int:
    return x + y


if __name__ == "__main__":
    main()
