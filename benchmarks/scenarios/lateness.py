"""How exactly a delayed job starts."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks.application import add, app, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere, percentile
from benchmarks.ground import Ground
from benchmarks.place import Place
from benchmarks.scale import Scale
from benchmarks.stored import everything
from benchmarks.worker import running

AHEAD_SECONDS = 0.5
"""The first of them is due so long after the sending: by then all are sent."""
APART_SECONDS = 0.05
PATIENCE_SECONDS = 10.0


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with ground.fresh() as place:
            ours = _ours(place, scale.calls)
        floor = _slept(scale.calls)
        yield {
            f"lateness p{percent}": Pair(percentile(ours, percent), percentile(floor, percent))
            for percent in (50, 99)
        }


def _ours(place: Place, jobs: int) -> list[float]:
    """Milliseconds from the moment that was asked for to the start, as stored."""
    with stored_in(place), running(place, processes=1):
        due = {_sent(moment): moment for moment in _moments(jobs)}
        for id in due:
            app.AsyncResult(id).get(PATIENCE_SECONDS)
        return [1000 * ((job.started or 0.0) - due[job.id]) for job in everything()]


def _sent(moment: float) -> str:
    return add.apply_async((1, 1), eta=datetime.fromtimestamp(moment, UTC)).id


def _moments(jobs: int) -> list[float]:
    """Not evenly apart, so that none of our own rhythms can meet theirs."""
    begin = time.time() + AHEAD_SECONDS + jobs * 0.002
    return [begin + APART_SECONDS * (i + random.random()) for i in range(jobs)]


def _slept(naps: int) -> list[float]:
    """By how many milliseconds a bare sleep is too long."""
    late = []
    for _ in range(naps):
        wanted = time.time() + APART_SECONDS * random.random()
        time.sleep(wanted - time.time())
        late.append(1000 * (time.time() - wanted))
    return late


LATENESS = Scenario(
    "lateness",
    f"Jobs with an `eta`, about {APART_SECONDS * 1000:.0f} ms apart, sent to an idle worker with one process "
    "before the first of them is due: from that moment to the start as stored. Floor: by how much a bare "
    "`time.sleep` is too long.",
    [
        Line("lateness p50", "ms", everywhere(Target(2.0, at_most=True)), places=2),
        Line("lateness p99", "ms", everywhere(Target(10.0, at_most=True)), places=2),
    ],
    rounds,
)
