"""Sending many at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import perf_counter

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, by_engine
from benchmarks.floors.floor import rows
from benchmarks.ground import Ground
from benchmarks.place import Place
from benchmarks.scale import Scale
from benchmarks.stored import stored_size
from cardoon.app import PUSH_AT_ONCE


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with ground.fresh() as place, stored_in(place):
            size = stored_size(add.delay(0, 0))
            ours = _ours(scale.mapped)
            yield {"map": Pair(ours, _floor(ground, place, scale.mapped, size))}


def _ours(jobs: int) -> float:
    begun = perf_counter()
    add.starmap((i, 1) for i in range(jobs))
    return jobs / (perf_counter() - begun)


def _floor(ground: Ground, place: Place, jobs: int, size: int) -> float:
    given = rows(jobs, size)
    with closing(ground.floor(place)) as floor:
        begun = perf_counter()
        for start in range(0, jobs, PUSH_AT_ONCE):
            floor.insert_many(given[start : start + PUSH_AT_ONCE])
        return jobs / (perf_counter() - begun)


_TARGETS = by_engine(
    sqlite=Target(80_000), postgres=Target(100_000), redis=Target(80_000), redis_everysec=Target(80_000)
)

MAP = Scenario(
    "map",
    f"`starmap` of a task with two integers. Floor: the driver stores rows of the same size, prepared "
    f"beforehand, {PUSH_AT_ONCE:,} at once.",
    [Line("map", "/s", _TARGETS)],
    rounds,
)
