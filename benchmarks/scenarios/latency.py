"""How soon an idle worker begins, and how soon the caller knows."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, by_engine, percentile
from benchmarks.floors.answer import Call, caller
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.worker import running

PAUSE_SECONDS = 0.05


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with ground.fresh() as place:
            with stored_in(place), running(place, processes=1):
                add.delay(0, 0).get(timeout=10)
                ours = _measured(_call, scale.calls)
            with caller(ground, place) as floor:
                yield _readings(ours, _measured(floor, scale.calls))


def _call() -> tuple[float, float]:
    """Seconds until the job started, and until the caller had its result."""
    sent = time.time()
    handle = add.delay(1, 1)
    handle.get(timeout=10)
    known = time.time()
    job = handle.job
    if job is None or job.started is None:
        raise RuntimeError(f"no start is known of {job}")
    return job.started - sent, known - sent


def _measured(call: Call, calls: int) -> list[tuple[float, float]]:
    measured = []
    for _ in range(calls):
        time.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))
        measured.append(call())
    return measured


def _readings(ours: list[tuple[float, float]], floor: list[tuple[float, float]]) -> Readings:
    readings: dict[str, Pair] = {}
    for index, name in enumerate(("start latency", "round trip")):
        mine, theirs = ([pair[index] * 1000 for pair in pairs] for pairs in (ours, floor))
        for percent in (50, 99):
            readings[f"{name} p{percent}"] = Pair(percentile(mine, percent), percentile(theirs, percent))
    return readings


_TARGETS = by_engine(
    sqlite=Target(2.0, at_most=True), postgres=Target(2.0, at_most=True), redis=Target(0.5, at_most=True)
)

LATENCY = Scenario(
    "latency",
    f"Calls to an idle worker with one process, {PAUSE_SECONDS * 1000:.0f} ms apart (half to one and a half "
    "times that): until the job started, and until `get` returned. Floor: two processes with the driver; "
    "a write to push, one to claim and one to settle.",
    [
        Line(
            "start latency p50",
            "ms",
            _TARGETS,
            places=2,
        ),
        Line("start latency p99", "ms", places=2),
        Line("round trip p50", "ms", {"sqlite": Target(4.0, at_most=True)}, places=2),
        Line("round trip p99", "ms", places=2),
    ],
    rounds,
)
