"""Whether a worker grows with the jobs that it has run."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere
from benchmarks.ground import Ground
from benchmarks.processes import rss_mib, tree
from benchmarks.scale import Scale
from benchmarks.stored import succeeded
from benchmarks.worker import PATIENCE_SECONDS, running, until

PROCESSES = 2
SLOWEST = 1_000
"""So few jobs a second mean that something is wrong, not that the machine is busy."""


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    """One: it takes a minute, and the memory of processes hardly varies."""
    with ground.fresh() as place, stored_in(place), running(place, PROCESSES) as worker:
        pids = tree(worker.pid)
        _work_off(scale.warmed, of=scale.warmed)
        warm = [rss_mib(pid) for pid in pids]
        _work_off(scale.remembered - scale.warmed, of=scale.remembered)
        end = [rss_mib(pid) for pid in pids]
    yield _readings(warm, end)


def _work_off(jobs: int, *, of: int) -> None:
    add.starmap((i, 1) for i in range(jobs))
    until(lambda: succeeded() == of, PATIENCE_SECONDS + jobs / SLOWEST)


def _readings(warm: list[float], end: list[float]) -> Readings:
    (before, *children_before), (after, *children_after) = warm, end
    growths = [late - early for early, late in zip(children_before, children_after, strict=True)]
    return {
        "the supervisor's memory": Pair(after, before),
        "... its growth": Pair(after - before),
        "the largest process": Pair(max(children_after), max(children_before)),
        "... most growth of one": Pair(max(growths)),
    }


MEMORY = Scenario(
    "memory",
    f"A worker with {PROCESSES} processes runs 1,000,000 no-op jobs, once: the memory (RSS) of its processes "
    "then, and how much more it is than after the first 100,000, which is the floor. With `--full` only, as "
    "it takes a minute.",
    [
        Line("the supervisor's memory", "MiB", places=1),
        Line("... its growth", "MiB", everywhere(Target(5, at_most=True)), places=2),
        Line("the largest process", "MiB", places=1),
        Line("... most growth of one", "MiB", everywhere(Target(5, at_most=True)), places=2),
    ],
    rounds,
)
