"""How soon a worker that is told to stop starts nothing more."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from benchmarks.application import nap, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere, percentile
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.stored import ended, last_start
from benchmarks.worker import probed, ready, running, stop, until

PROCESSES = 2
JOBS, NAP_SECONDS = 10_000, 0.001
UNDER_LOAD = 100
"""After so many ends a worker is at its pace."""
POOLS: dict[str, tuple[str, ...]] = {"solo": (), "-t 8": ("-t", "8")}


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        readings: dict[str, Pair] = {}
        for pool, options in POOLS.items():
            stops = [_stopped(ground, *options) for _ in range(scale.stops)]
            started, gone = ([1000 * stop[index] for stop in stops] for index in (0, 1))
            readings[f"TERM, {pool}: starts p50"] = Pair(percentile(started, 50))
            readings[f"TERM, {pool}: starts p99"] = Pair(percentile(started, 99))
            readings[f"TERM, {pool}: end p50"] = Pair(percentile(gone, 50))
        yield readings


def _stopped(ground: Ground, *options: str) -> tuple[float, float]:
    """Seconds from the signal to the last start (0 when none came after it), and to the end of the worker."""
    with ground.fresh() as place, stored_in(place):
        with running(place, PROCESSES, *probed(place.folder), *options) as worker:
            until(lambda: ready(place.folder) == PROCESSES)
            nap.starmap([(NAP_SECONDS,)] * JOBS)
            until(lambda: ended() >= UNDER_LOAD)
            time.sleep(random.uniform(0.0, 0.05))
            told = time.time()
            stop(worker)
            gone = time.time()
        return _after(told), gone - told


def _after(told: float) -> float:
    if ended() >= JOBS:
        raise RuntimeError("the jobs were worked off before the worker was told to stop")
    return max(0.0, last_start() - told)


STOP = Scenario(
    "stop",
    f"A worker with {PROCESSES} processes under load (jobs of 1 ms) is sent TERM at a random moment, 10 "
    "times: until the last start that is stored, and until all of its processes have ended.",
    [
        line
        for pool in POOLS
        for line in (
            Line(f"TERM, {pool}: starts p50", "ms", places=1),
            Line(f"TERM, {pool}: starts p99", "ms", everywhere(Target(100, at_most=True)), places=1),
            Line(f"TERM, {pool}: end p50", "ms"),
        )
    ],
    rounds,
)
