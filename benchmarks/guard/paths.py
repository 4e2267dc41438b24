"""The hottest paths: what an application does to send, and a worker to work off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.application import add, app, stored_in
from benchmarks.ground import Ground
from benchmarks.guard import steps
from benchmarks.guard.steps import Odometer, Steps
from cardoon.engines.contract import End
from cardoon.model.job import Claim, Filter
from cardoon.worker.execution import execute

JOBS = 128
"""So many at once, where a path takes more than one. Ids are made of chance that is drawn for as many."""
TRIES = 3
"""Of these the least counts: now and then something comes due on the way."""

Path = Callable[[], Callable[[], object]]
"""Prepares one try, and hands out the work to be counted."""


def _send() -> Callable[[], object]:
    return lambda: [add.delay(number, 1) for number in range(JOBS)]


def _map() -> Callable[[], object]:
    return lambda: add.starmap((number, 1) for number in range(JOBS))


def _claims() -> list[Claim]:
    """Jobs that are claimed, with nothing else beside them."""
    app.engine.purge(["celery"])
    add.starmap((number, 1) for number in range(2 * JOBS))
    return app.engine.claim("guard", None, JOBS)


def _ended() -> list[End]:
    return [(claim, execute(app, claim)) for claim in _claims()]


def _turn() -> Callable[[], object]:
    ends = _ended()
    return lambda: app.engine.exchange(ends, "guard", None, JOBS)


def _turns_of_one() -> Callable[[], object]:
    """As an idle worker does it: a job at a time."""
    ends = _ended()
    return lambda: [app.engine.exchange([end], "guard", None, 1) for end in ends]


def _run() -> Callable[[], object]:
    claims = _claims()
    return lambda: [execute(app, claim) for claim in claims]


def _result() -> Callable[[], object]:
    ends = _ended()
    app.engine.settle(ends)
    handles = [app.AsyncResult(claim.id) for claim, _ in ends]
    return lambda: [handle.get(timeout=0) for handle in handles]


def _list() -> Callable[[], object]:
    app.engine.settle(_ended())
    return lambda: app.engine.find(Filter(), limit=JOBS, brief=True)


PATHS: dict[str, Path] = {
    "delay": _send,
    f"starmap, by {JOBS}": _map,
    f"settle and claim, by {JOBS}": _turn,
    "settle and claim, one by one": _turns_of_one,
    "get a result": _result,
    f"list {JOBS} jobs": _list,
}
OF_NO_ENGINE: dict[str, Path] = {"run": _run}
"""Counted once."""


def counted(ground: Ground) -> Iterator[tuple[str, Steps]]:
    """The steps per job of each path on this engine."""
    with _odometer(ground) as odometer, ground.fresh() as place, stored_in(place):
        for name, path in {**PATHS, **(OF_NO_ENGINE if ground.engine == "sqlite" else {})}.items():
            path()()  # what is done only the first time
            tries = [steps.count(path(), JOBS, odometer) for _ in range(TRIES)]
            yield name, Steps.least(tries)


@contextmanager
def _odometer(ground: Ground) -> Iterator[Odometer]:
    kinds = {"redis": steps.of_redis, "postgres": steps.of_postgres}
    with kinds[ground.engine](ground.url) if ground.url else steps.of_sqlite() as odometer:
        yield odometer
