"""Many callers who wait for their results at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.stored import ended
from benchmarks.worker import running, until
from cardoon.result import AsyncResult

PATIENCE_SECONDS = 60.0


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        yield {"results awaited at once": Pair(_rate(ground, scale, True), _rate(ground, scale, False))}


def _rate(ground: Ground, scale: Scale, awaited: bool) -> float:
    """Jobs per second, from the sending to the last result: awaited by callers, or only stored."""
    with ground.fresh() as place, stored_in(place), running(place, processes=1):
        begun = time.perf_counter()
        handles = add.starmap((i, 1) for i in range(scale.awaited))
        if awaited:
            asyncio.run(_all(handles))
        else:
            until(lambda: ended() == scale.awaited)
        return scale.awaited / (time.perf_counter() - begun)


async def _all(handles: list[AsyncResult[int]]) -> None:
    results = await asyncio.gather(*(handle.aget(PATIENCE_SECONDS) for handle in handles))
    if results != [i + 1 for i in range(len(handles))]:
        raise RuntimeError("the results are not those of the calls")


WAITERS = Scenario(
    "waiters",
    "10,000 calls whose results are all awaited at once (`aget`) by one process, while a worker with one "
    "process runs them: from the sending to the last result. Floor: the same jobs with nobody waiting, until "
    "all have ended.",
    [Line("results awaited at once", "/s")],
    rounds,
)
