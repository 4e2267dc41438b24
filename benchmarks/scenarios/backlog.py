"""Whether a mountain of waiting jobs slows anything down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere
from benchmarks.ground import Ground
from benchmarks.place import Place
from benchmarks.scale import Scale
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.model.outcome import succeeded

BULK = 1_000
BATCH = 100
_FILL = 5_000


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    with _waiting(ground, scale.deep) as deep, _waiting(ground, scale.shallow) as shallow:
        for _ in range(scale.rounds):
            yield _round(deep, shallow, scale)


def _round(deep: Engine, shallow: Engine, scale: Scale) -> Readings:
    """Both in turns, many times: what disturbs one disturbs the other."""
    pushing, claiming = [0.0, 0.0], [0.0, 0.0]
    for _ in range(scale.cycles):
        for index, engine in enumerate((deep, shallow)):
            pushing[index] += _seconds_to_push(engine)
            claiming[index] += _seconds_to_claim(engine)
    jobs = scale.cycles * BULK
    names = ("push, in bulks of 1,000", "claim and settle, by 100")
    return {
        name: Pair(*(jobs / seconds for seconds in spent))
        for name, spent in zip(names, (pushing, claiming), strict=True)
    }


@contextmanager
def _waiting(ground: Ground, jobs: int) -> Iterator[Engine]:
    """An engine with so many jobs that wait; it stays so, because as many are claimed as are pushed."""
    with ground.fresh() as place:
        engine = _filled(place, jobs)
        try:
            yield engine
        finally:
            engine.close()


def _filled(place: Place, jobs: int) -> Engine:
    engine = connect(place.url)
    for start in range(0, jobs, _FILL):
        engine.push(_messages(min(_FILL, jobs - start)))
    return engine


def _messages(number: int) -> list[Message]:
    return [Message(id=clock.new_id(), task="add", args=[i, 1], sent=clock.now()) for i in range(number)]


def _seconds_to_push(engine: Engine) -> float:
    messages = _messages(BULK)
    begun = perf_counter()
    engine.push(messages)
    return perf_counter() - begun


def _seconds_to_claim(engine: Engine) -> float:
    begun = perf_counter()
    claims: list[Claim] = []
    for _ in range(BULK // BATCH):
        claims = engine.exchange([(claim, succeeded(b"2")) for claim in claims], "w", None, BATCH).claims
    engine.settle([(claim, succeeded(b"2")) for claim in claims])
    return perf_counter() - begun


BACKLOG = Scenario(
    "backlog",
    f"An engine pushes {BULK:,} prepared jobs in one call, then claims and settles as many, {BATCH} a call, "
    "beside 100,000 jobs that wait (1,000,000 with `--full`). Floor: the same engine beside 1,000.",
    [
        Line("push, in bulks of 1,000", "/s", everywhere(Target(0.9, by="ratio"))),
        Line("claim and settle, by 100", "/s", everywhere(Target(0.9, by="ratio"))),
    ],
    rounds,
)
