"""How soon a worker that is told to stop claims nothing more."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.application import nap, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, percentile
from benchmarks.place import fresh
from benchmarks.scale import Scale
from benchmarks.stored import claims, last_claim, note_claims
from benchmarks.worker import probed, ready, running, stop, until

PROCESSES = 2
JOBS, NAP_SECONDS = 10_000, 0.001
UNDER_LOAD = 100
"""After so many claims a worker is at its pace."""
POOLS: dict[str, tuple[str, ...]] = {"solo": (), "-t 8": ("-t", "8")}


def rounds(scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        readings: dict[str, Pair] = {}
        for pool, options in POOLS.items():
            stops = [_stopped(*options) for _ in range(scale.stops)]
            claimed, ended = ([1000 * stop[index] for stop in stops] for index in (0, 1))
            readings[f"TERM, {pool}: claims p50"] = Pair(percentile(claimed, 50))
            readings[f"TERM, {pool}: claims p99"] = Pair(percentile(claimed, 99))
            readings[f"TERM, {pool}: end p50"] = Pair(percentile(ended, 50))
        yield readings


def _stopped(*options: str) -> tuple[float, float]:
    """Seconds from the signal to the last claim (0 when none came after it), and to the end of the worker."""
    with fresh() as folder, stored_in(folder):
        note_claims(folder)
        with running(folder, PROCESSES, *probed(folder), *options) as worker:
            until(lambda: ready(folder) == PROCESSES)
            nap.starmap([(NAP_SECONDS,)] * JOBS)
            until(lambda: claims(folder) >= UNDER_LOAD)
            time.sleep(random.uniform(0.0, 0.05))
            told = time.time()
            stop(worker)
            ended = time.time()
        return _after(folder, told), ended - told


def _after(folder: Path, told: float) -> float:
    if claims(folder) >= JOBS:
        raise RuntimeError("the jobs were worked off before the worker was told to stop")
    return max(0.0, last_claim(folder) - told)


STOP = Scenario(
    "stop",
    f"A worker with {PROCESSES} processes under load (jobs of 1 ms) is sent TERM at a random moment, 10 "
    "times: until its last claim, as its transaction noted it, and until all of its processes have ended.",
    [
        line
        for pool in POOLS
        for line in (
            Line(f"TERM, {pool}: claims p50", "ms", places=1),
            Line(f"TERM, {pool}: claims p99", "ms", Target(100, at_most=True), places=1),
            Line(f"TERM, {pool}: end p50", "ms"),
        )
    ],
    rounds,
)
