"""A fresh worker beside the least that takes a job from the same server."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Line, Pair, Readings, Scenario
from benchmarks.floors.first import milliseconds
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.scenarios.imports import middle
from benchmarks.scenarios.start import first_job


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        pairs = [Pair(first_job(ground), _least(ground)) for _ in range(scale.starts)]
        yield {"first job beside driver": middle(pairs)}


def _least(ground: Ground) -> float:
    with ground.fresh() as place:
        return milliseconds(ground, place)


FIRST = Scenario(
    "first",
    "As in start: from the command of a worker with one process to the start of a job that waits. Floor: the "
    "same of the smallest program that imports the driver, connects, claims the job and stores its end.",
    [Line("first job beside driver", "ms")],
    rounds,
)
