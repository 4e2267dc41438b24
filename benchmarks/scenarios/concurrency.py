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

AT_ONCE, FEW = 100, 8
NAP_SECONDS, LONG_SECONDS = 0.05, 0.3
SHARE = 20
"""One in so many is a long nap in a few threads."""


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        yield {
            f"50 ms, --async {AT_ONCE}": _pair(ground, scale.naps, NAP_SECONDS, "async", AT_ONCE),
            f"50 ms, -t {AT_ONCE}": _pair(ground, scale.naps, NAP_SECONDS, "threads", AT_ONCE),
            f"300 ms, -t {FEW}": _pair(ground, scale.naps // SHARE, LONG_SECONDS, "threads", FEW),
        }


def _pair(ground: Ground, jobs: int, seconds: float, way: str, at_once: int) -> Pair:
    """What part of the time was needed, in percent, if no start ever waited for anything but a place."""
    ideal = -(-jobs // at_once) * seconds
    bare = floor.seconds(way, jobs, at_once, seconds)
    return Pair(100 * ideal / _ours(ground, jobs, seconds, way, at_once), 100 * ideal / bare)


def _ours(ground: Ground, jobs: int, seconds: float, way: str, at_once: int) -> float:
    task, option = _WAYS[way]
    with ground.fresh() as place, stored_in(place):
        task.starmap([(seconds,)] * jobs)
        run_until_empty(place, 1, option, str(at_once))
        first, last = first_and_last(jobs)
    return last - first


_WAYS: dict[str, tuple[Any, str]] = {"async": (nap_async, "--async"), "threads": (nap, "-t")}

CONCURRENCY = Scenario(
    "concurrency",
    f"2,000 jobs that sleep 50 ms, at most {AT_ONCE} at once in one process: `async def` with `--async "
    f"{AT_ONCE}`, `def` with `-t {AT_ONCE}`. The ideal (1.00 s) as a part of what it took from the first "
    "`started` to the last `finished` as stored. Floor: as many sleeps in a process with asyncio, or with "
    f"a ThreadPoolExecutor, and nothing else. Then 100 that sleep 300 ms in {FEW} threads: jobs so long that "
    "a claim often finds no free place.",
    [
        Line(f"50 ms, --async {AT_ONCE}", "% ideal", everywhere(Target(96)), places=1),
        Line(f"50 ms, -t {AT_ONCE}", "% ideal", everywhere(Target(94)), places=1),
        Line(f"300 ms, -t {FEW}", "% ideal", everywhere(Target(94)), places=1),
    ],
    rounds,
)
