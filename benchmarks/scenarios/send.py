"""Sending one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from time import perf_counter

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target
from benchmarks.floors import table
from benchmarks.place import fresh
from benchmarks.scale import Scale

PROFILES = {"durable": 1, "fast": 5}
"""How many times as many jobs are sent in each, so that both take long enough to be measured."""
TURN = 50


def rounds(scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        yield {
            f"send one by one, {profile}": _round(scale.sends * times, profile)
            for profile, times in PROFILES.items()
        }


def _round(jobs: int, profile: str) -> Pair:
    """Both in turns, a few at a time: what disturbs one disturbs the other."""
    with fresh() as folder, stored_in(folder, profile):
        add.delay(0, 0)
        size = table.stored_size(folder / "jobs.db")
        with closing(table.connect(folder / "floor.db", profile)) as db:
            table.make(db)
            turns = [_turn(db, min(TURN, jobs - start), size) for start in range(0, jobs, TURN)]
        ours, floor = map(sum, zip(*turns, strict=True))
        return Pair(jobs / ours, jobs / floor)


def _turn(db: sqlite3.Connection, jobs: int, size: int) -> tuple[float, float]:
    return _ours(jobs), _floor(db, jobs, size)


def _ours(jobs: int) -> float:
    begun = perf_counter()
    for i in range(jobs):
        add.delay(i, 1)
    return perf_counter() - begun


def _floor(db: sqlite3.Connection, jobs: int, size: int) -> float:
    rows = table.rows(jobs, size)
    begun = perf_counter()
    for row in rows:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO jobs VALUES (?, ?)", row)
        db.execute("COMMIT")
    return perf_counter() - begun


SEND = Scenario(
    "send",
    "`delay` of a task with two integers, one after the other, each durable before it returns. Floor: "
    "`sqlite3` inserts rows of the same size into a table with a text primary key, one a transaction, with "
    "the same pragmas.",
    [
        Line("send one by one, durable", "/s", Target(0.85, by="ratio")),
        Line("send one by one, fast", "/s"),
    ],
    rounds,
)
