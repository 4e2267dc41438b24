"""Jobs that wait for something else, many at once in one process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.application import nap, nap_async, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere
from benchmarks.floors import naps as floor
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.stored import first_and_last
from benchmarks.worker import run_until_empty

AT_ONCE = 100
NAP_SECONDS = 0.05


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        yield {
            f"50 ms, --async {AT_ONCE}": _pair(ground, scale.naps, nap_async, "async", "--async"),
            f"50 ms, -t {AT_ONCE}": _pair(ground, scale.naps, nap, "threads", "-t"),
        }


def _pair(ground: Ground, jobs: int, task: Any, way: str, option: str) -> Pair:
    """What part of the time was needed, in percent, if no start ever waited for anything but a place."""
    ideal = -(-jobs // AT_ONCE) * NAP_SECONDS
    bare = floor.seconds(way, jobs, AT_ONCE, NAP_SECONDS)
    return Pair(100 * ideal / _ours(ground, jobs, task, option), 100 * ideal / bare)


def _ours(ground: Ground, jobs: int, task: Any, option: str) -> float:
    with ground.fresh() as place, stored_in(place):
        task.starmap([(NAP_SECONDS,)] * jobs)
        run_until_empty(place, 1, option, str(AT_ONCE))
        first, last = first_and_last(jobs)
    return last - first


CONCURRENCY = Scenario(
    "concurrency",
    f"2,000 jobs that sleep 50 ms, at most {AT_ONCE} at once in one process: `async def` with `--async "
    f"{AT_ONCE}`, `def` with `-t {AT_ONCE}`. The ideal (1.00 s) as a part of what it took from the first "
    "`started` to the last `finished` as stored. Floor: as many sleeps in a process with asyncio, or with "
    "a ThreadPoolExecutor, and nothing else.",
    [
        Line(f"50 ms, --async {AT_ONCE}", "% ideal", everywhere(Target(96)), places=1),
        Line(f"50 ms, -t {AT_ONCE}", "% ideal", everywhere(Target(94)), places=1),
    ],
    rounds,
)
