"""What somebody who looks at the jobs waits for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

from benchmarks.figures import Line, Pair, Readings, Scenario
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model import clock
from cardoon.model.job import Filter
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport, Outcome, failed, succeeded
from cardoon.model.query.parse import parse

LOOKS = 5
_BATCH = 500
_TASKS = [f"shop.{name}" for name in ("mail", "resize", "export", "sync", "invoice")]
_FAILS_ONE_IN = 50
_ERROR = ErrorReport(type="OSError", message="no space left on the device")

Look = Callable[[Engine, str], object]
LOOKED_AT: dict[str, Look] = {
    "counts of all queues": lambda engine, _: engine.count(),
    "newest 50": lambda engine, _: _found(engine, ""),
    "newest 50 that failed": lambda engine, _: _found(engine, "state:failed"),
    "newest 50 of a task": lambda engine, _: _found(engine, "task:shop.export"),
    "how many of a task failed": lambda engine, _: _counted(engine, "task:shop.export state:failed"),
    "an argument, in all jobs": lambda engine, _: _counted(engine, "args.0:no-such-order"),
    "one job by its id": lambda engine, id: engine.result(id),
}


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    with _with_history(ground, scale.history) as large, _with_history(ground, scale.shallow) as small:
        for _ in range(scale.rounds):
            yield {
                name: Pair(_looked(look, *large), _looked(look, *small)) for name, look in LOOKED_AT.items()
            }


def _looked(look: Look, engine: Engine, id: str) -> float:
    """Milliseconds of one look, the middle of some."""
    seconds = []
    for _ in range(LOOKS):
        begun = perf_counter()
        look(engine, id)
        seconds.append(perf_counter() - begun)
    return 1000 * median(seconds)


def _found(engine: Engine, query: str) -> int:
    return len(engine.find(Filter(query=parse(query)), limit=50, brief=True).jobs)


def _counted(engine: Engine, query: str) -> int:
    total, page = 0, None
    while True:
        found = engine.find(Filter(query=parse(query)), page=page, limit=1_000, brief=True)
        total, page = total + len(found.jobs), found.next
        if page is None:
            return total


@contextmanager
def _with_history(ground: Ground, jobs: int) -> Iterator[tuple[Engine, str]]:
    """An engine with so many jobs that have ended, and the id of one in their midst."""
    with ground.fresh() as place:
        engine = connect(place.url)
        try:
            ids = [id for start in range(0, jobs, _BATCH) for id in _ended(engine, min(_BATCH, jobs - start))]
            yield engine, ids[len(ids) // 2]
        finally:
            engine.close()


def _ended(engine: Engine, jobs: int) -> list[str]:
    messages = [_message(number) for number in range(jobs)]
    engine.push(messages)
    claims = engine.claim("w", None, jobs)
    engine.settle([(claim, _end(number)) for number, claim in enumerate(claims)])
    return [message.id for message in messages]


def _message(number: int) -> Message:
    order = f"order-{random.getrandbits(32):08x}"
    return Message(
        id=clock.new_id(), task=_TASKS[number % len(_TASKS)], queue=f"q{number % 3}", args=[order, number],
        sent=clock.now(),
    )  # fmt: skip


def _end(number: int) -> Outcome:
    return failed(_ERROR) if number % _FAILS_ONE_IN == 0 else succeeded(b"2")


DASHBOARD = Scenario(
    "dashboard",
    "What a list of jobs asks an engine that keeps 100,000 jobs that have ended (300,000 with `--full`), of "
    "five tasks and three queues, one in 50 failed; to look for an argument in all of them, every job is "
    "read. Floor: the same engine that keeps 1,000.",
    [Line(name, "ms", places=2) for name in LOOKED_AT],
    rounds,
)
