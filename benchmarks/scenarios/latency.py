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
BACK_TO_BACK = 10
"""So many times as many calls are made without a pause: it takes some hundred until a machine is awake."""


Calls = list[tuple[float, float]]


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with ground.fresh() as place:
            with stored_in(place), running(place, processes=1):
                add.delay(0, 0).get(timeout=10)
                ours = _both(_call, scale.calls)
            with caller(ground, place) as floor:
                floors = _both(floor, scale.calls)
            yield _readings(ours, floors)


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


def _both(call: Call, calls: int) -> list[Calls]:
    """With a pause before each, then without."""
    return [_measured(call, calls, PAUSE_SECONDS), _measured(call, BACK_TO_BACK * calls, 0.0)]


def _measured(call: Call, calls: int, pause: float) -> Calls:
    measured = []
    for _ in range(calls):
        if pause:  # as a sleep of nothing takes a while, too
            time.sleep(pause * random.uniform(0.5, 1.5))
        measured.append(call())
    return measured


def _readings(ours: list[Calls], floor: list[Calls]) -> Readings:
    readings: dict[str, Pair] = {}
    for name, (pause, index) in {
        "start, idle": (0, 0),
        "start, in a row": (1, 0),
        "round trip, idle": (0, 1),
        "round trip, in a row": (1, 1),
    }.items():
        mine, theirs = ([call[index] * 1000 for call in calls[pause]] for calls in (ours, floor))
        for percent in (50, 99):
            readings[f"{name} p{percent}"] = Pair(percentile(mine, percent), percentile(theirs, percent))
    return readings


def _at_most(**targets: float) -> dict[str, Target]:
    return by_engine(**{name: Target(value, at_most=True) for name, value in targets.items()})


_MILLISECONDS: dict[str, dict[str, Target]] = {
    "start, idle p50": _at_most(sqlite=2.0),
    "start, idle p99": {},
    "start, in a row p50": _at_most(postgres=2.0, redis_everysec=0.5),
    "start, in a row p99": {},
    "round trip, idle p50": _at_most(sqlite=4.0, postgres=4.0, redis_everysec=1.3),
    "round trip, idle p99": {},
    "round trip, in a row p50": _at_most(redis_everysec=0.33),
    "round trip, in a row p99": _at_most(redis_everysec=0.8),
}

LATENCY = Scenario(
    "latency",
    f"Calls to an idle worker with one process, {PAUSE_SECONDS * 1000:.0f} ms apart (half to one and a half "
    "times that): until the job started, and until `get` returned; then calls one right after the other. "
    "Floor: two processes with the driver; a write to push, one to claim and one to settle. What Redis is to "
    "reach was set for a server that does not wait for the disk, so it stands there. What is asked of a "
    "start on a server is asked of calls in a row (decision 19).",
    [Line(name, "ms", targets, places=2) for name, targets in _MILLISECONDS.items()],
    rounds,
)
