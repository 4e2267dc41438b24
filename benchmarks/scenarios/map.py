"""Sending many at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target
from benchmarks.floors import table
from benchmarks.place import fresh
from benchmarks.scale import Scale
from cardoon.app import PUSH_AT_ONCE


def rounds(scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with fresh() as folder, stored_in(folder):
            ours = _ours(scale.mapped)
            yield {"map": Pair(ours, _floor(folder, scale.mapped))}


def _ours(jobs: int) -> float:
    begun = perf_counter()
    add.starmap((i, 1) for i in range(jobs))
    return jobs / (perf_counter() - begun)


def _floor(folder: Path, jobs: int) -> float:
    rows = table.rows(jobs, table.stored_size(folder / "jobs.db"))
    with closing(table.connect(folder / "floor.db")) as db:
        table.make(db)
        begun = perf_counter()
        for start in range(0, jobs, PUSH_AT_ONCE):
            table.insert(db, rows[start : start + PUSH_AT_ONCE])
        return jobs / (perf_counter() - begun)


MAP = Scenario(
    "map",
    f"`starmap` of a task with two integers. Floor: `executemany` of rows of the same size, prepared "
    f"beforehand, {PUSH_AT_ONCE:,} a transaction.",
    [Line("map", "/s", Target(80_000))],
    rounds,
)
