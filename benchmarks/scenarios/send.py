"""Sending one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import perf_counter

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, by_engine
from benchmarks.floors.floor import Floor, rows
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.stored import stored_size

TIMES = {"durable": 1, "fast": 5}
"""How many times as many jobs are sent in each, so that both take long enough to be measured."""
TURN = 50


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        yield {
            f"send one by one, {profile}": _round(ground, scale.sends * TIMES[profile], profile)
            for profile in ground.profiles
        }


def _round(ground: Ground, jobs: int, profile: str) -> Pair:
    """Both in turns, a few at a time: what disturbs one disturbs the other."""
    with ground.fresh() as place, stored_in(place, profile), closing(ground.floor(place, profile)) as floor:
        size = stored_size(add.delay(0, 0))
        turns = [_turn(floor, min(TURN, jobs - start), size) for start in range(0, jobs, TURN)]
    mine, bare = map(sum, zip(*turns, strict=True))
    return Pair(jobs / mine, jobs / bare)


def _turn(floor: Floor, jobs: int, size: int) -> tuple[float, float]:
    return _ours(jobs), _floor(floor, jobs, size)


def _ours(jobs: int) -> float:
    begun = perf_counter()
    for i in range(jobs):
        add.delay(i, 1)
    return perf_counter() - begun


def _floor(floor: Floor, jobs: int, size: int) -> float:
    given = rows(jobs, size)
    begun = perf_counter()
    for row in given:
        floor.insert(row)
    return perf_counter() - begun


_TARGETS = by_engine(
    sqlite=Target(0.85, by="ratio"), postgres=Target(0.85, by="ratio"), redis=Target(0.75, by="ratio")
)
_FAST_TARGETS = by_engine(redis_everysec=Target(0.75, by="ratio"))

SEND = Scenario(
    "send",
    "`delay` of a task with two integers, one after the other, each durable before it returns. Floor: the "
    "driver stores rows of the same size, one by one.",
    [
        Line(
            "send one by one, durable",
            "/s",
            _TARGETS,
        ),
        Line("send one by one, fast", "/s", _FAST_TARGETS),
    ],
    rounds,
)
