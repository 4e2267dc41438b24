"""Working off what waits."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, by_engine, everywhere
from benchmarks.floors import drain as floor
from benchmarks.ground import Ground
from benchmarks.place import Place
from benchmarks.processes import cpu_of_children
from benchmarks.scale import Scale
from benchmarks.stored import first_and_last
from benchmarks.worker import run_until_empty

PROCESSES = 2


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    jobs = scale.drained
    for _ in range(scale.rounds):
        with ground.fresh() as place:
            ours = _ours(place, jobs)
            hundred = floor.run(ground, place, jobs, 100, PROCESSES)
            ten = floor.run(ground, place, jobs // 5, 10, PROCESSES)
        yield {
            "drain, 2 processes": Pair(ours.rate, hundred.rate),
            "... floor by 10": Pair(ours.rate, ten.rate),
            "... from the command on": Pair(ours.from_command, hundred.from_command),
            "... CPU per job": Pair(ours.cpu, hundred.cpu),
        }


def _ours(place: Place, jobs: int) -> floor.Drained:
    with stored_in(place):
        add.starmap((i, 1) for i in range(jobs))
        cpu = cpu_of_children()
        command = run_until_empty(place, PROCESSES)
        used = cpu_of_children() - cpu
        first, last = first_and_last(jobs)
    return floor.Drained.of(jobs, command, first, last, used)


DRAIN = Scenario(
    "drain",
    f"A worker with {PROCESSES} processes works off no-op jobs (durable, results stored), from the first "
    "`started` to the last `finished` as stored. Floor: the smallest Python program, as many processes, that "
    "finishes the last 100 (or 10) jobs and claims the next in one step, and decodes JSON and "
    "calls a function for each. CPU is that of all processes, their start included, without the server's.",
    [
        Line(
            "drain, 2 processes",
            "/s",
            by_engine(
                sqlite=Target(40_000),
                postgres=Target(22_000),
                redis=Target(50_000),
                redis_everysec=Target(50_000),
            ),
        ),
        Line("... floor by 10", "/s"),
        Line("... from the command on", "/s"),
        Line("... CPU per job", "us", everywhere(Target(35, at_most=True))),
    ],
    rounds,
)
