"""Sending one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import perf_counter

from benchmarks import cores
from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, by_engine
from benchmarks.floors.floor import Floor, Row, rows
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.stored import stored_size

TIMES = {"durable": 1, "fast": 5}
"""How many times as many jobs are sent in each, so that both take long enough to be measured."""
TURN = 50
ONE_BY_ONE, BESIDE_A_JOB, ON_ONE_CORE = "send one by one, {}", "... a bare job, {}", "... on one core, {}"


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        readings: dict[str, Pair] = {}
        for profile in ground.profiles:
            readings |= _round(ground, scale.sends * TIMES[profile], profile)
        yield readings


def _round(ground: Ground, jobs: int, profile: str) -> Readings:
    with cores.apart(ground.server), _sending(ground, profile) as (floor, size):
        readings = {
            ONE_BY_ONE.format(profile): _beside(floor.insert, jobs, size),
            BESIDE_A_JOB.format(profile): _beside(floor.insert_job, jobs, size),
        }
    if ground.server:
        with cores.on_one(ground.server), _sending(ground, profile) as (floor, size):
            readings[ON_ONE_CORE.format(profile)] = _beside(floor.insert, jobs, size)
    return readings


@contextmanager
def _sending(ground: Ground, profile: str) -> Iterator[tuple[Floor, int]]:
    """A floor, and the size of a stored job, in a place of their own."""
    with ground.fresh() as place, stored_in(place, profile), closing(ground.floor(place, profile)) as floor:
        yield floor, stored_size(add.delay(0, 0))


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
    "turn, by queue and priority, and stored once only. Sender and server have a core each; `on one core` "
    "they share one, so that nobody waits for a core to wake up, and what a step takes is more of the whole.",
    [
        Line(ONE_BY_ONE.format("durable"), "/s", _TARGETS),
        Line(BESIDE_A_JOB.format("durable"), "/s", by_engine(postgres=Target(0.85, by="ratio"))),
        Line(ON_ONE_CORE.format("durable"), "/s"),
        Line(ONE_BY_ONE.format("fast"), "/s", _FAST_TARGETS),
        Line(BESIDE_A_JOB.format("fast"), "/s"),
        Line(ON_ONE_CORE.format("fast"), "/s"),
    ],
    rounds,
)
