"""Sending one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from time import perf_counter

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, by_engine
from benchmarks.floors.floor import Row, rows
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.stored import stored_size

TIMES = {"durable": 1, "fast": 5}
"""How many times as many jobs are sent in each, so that both take long enough to be measured."""
TURN = 50
ONE_BY_ONE, BESIDE_A_JOB = "send one by one, {}", "... a bare job, {}"


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        readings: dict[str, Pair] = {}
        for profile in ground.profiles:
            readings |= _round(ground, scale.sends * TIMES[profile], profile)
        yield readings


def _round(ground: Ground, jobs: int, profile: str) -> Readings:
    with ground.fresh() as place, stored_in(place, profile), closing(ground.floor(place, profile)) as floor:
        size = stored_size(add.delay(0, 0))
        return {
            ONE_BY_ONE.format(profile): _beside(floor.insert, jobs, size),
            BESIDE_A_JOB.format(profile): _beside(floor.insert_job, jobs, size),
        }


def _beside(insert: Callable[[Row], None], jobs: int, size: int) -> Pair:
    """Both in turns, a few at a time: what disturbs one disturbs the other."""
    turns = [min(TURN, jobs - start) for start in range(0, jobs, TURN)]
    mine, theirs = map(sum, zip(*[(_ours(turn), _theirs(insert, turn, size)) for turn in turns], strict=True))
    return Pair(jobs / mine, jobs / theirs)


def _ours(jobs: int) -> float:
    begun = perf_counter()
    for i in range(jobs):
        add.delay(i, 1)
    return perf_counter() - begun


def _theirs(insert: Callable[[Row], None], jobs: int, size: int) -> float:
    given = rows(jobs, size)
    begun = perf_counter()
    for row in given:
        insert(row)
    return perf_counter() - begun


_TARGETS = by_engine(
    sqlite=Target(0.85, by="ratio"), postgres=Target(0.85, by="ratio"), redis=Target(0.75, by="ratio")
)
_FAST_TARGETS = by_engine(sqlite=Target(25_000), redis_everysec=Target(0.75, by="ratio"))

SEND = Scenario(
    "send",
    "`delay` of a task with two integers, one after the other, each durable before it returns. Floor: the "
    "driver stores rows of the same size, one by one; a bare job is the least that can be claimed in its "
    "turn, by queue and priority, and stored once only.",
    [
        Line(ONE_BY_ONE.format("durable"), "/s", _TARGETS),
        Line(BESIDE_A_JOB.format("durable"), "/s", by_engine(postgres=Target(0.85, by="ratio"))),
        Line(ONE_BY_ONE.format("fast"), "/s", _FAST_TARGETS),
        Line(BESIDE_A_JOB.format("fast"), "/s"),
    ],
    rounds,
)
