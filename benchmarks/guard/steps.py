"""Counts what a piece of work does: the interpreter's instructions and calls, and those of the engine."""

from __future__ import annotations

import gc
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

import msgspec

Odometer = Callable[[], int]
"""What an engine has done so far, in a measure of its own."""


class Steps(msgspec.Struct, frozen=True):
    """Per job: instructions of the interpreter, calls into C, and what the engine did."""

    instructions: float
    calls: float
    engine: float

    @classmethod
    def least(cls, tries: Sequence[Steps]) -> Steps:
        """The least of each."""
        return cls(
            min(tried.instructions for tried in tries),
            min(tried.calls for tried in tries),
            min(tried.engine for tried in tries),
        )


def count(work: Callable[[], object], jobs: int, odometer: Odometer) -> Steps:
    """What `work` does for each of so many jobs, in this thread."""
    instructions = calls = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal instructions
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        instructions += event == "opcode"
        return trace

    def profile(_frame: FrameType, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "c_call"

    before = odometer()
    with _garbage_left_alone():
        sys.settrace(trace)
        sys.setprofile(profile)
        try:
            work()
        finally:
            sys.setprofile(None)
            sys.settrace(None)
    return Steps(instructions / jobs, calls / jobs, (odometer() - before) / jobs)


@contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """A collection would run finalisers of what others left behind, at the expense of who is counted."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def of_sqlite() -> Iterator[Odometer]:
    """Counts the instructions of SQLite's virtual machine, on connections that are opened in this block."""
    done: list[None] = []
    connect = sqlite3.connect
    step = partial(done.append, None)  # without an instruction of the interpreter

    def connect_and_count(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_progress_handler(step, 1)
        return connection

    sqlite3.connect = connect_and_count  # type: ignore[assignment]
    try:
        yield lambda: len(done)
    finally:
        sqlite3.connect = connect


@contextmanager
def of_redis(url: str) -> Iterator[Odometer]:
    """Counts the commands that the server carries out, also those within scripts."""
    from redis import Redis

    client = Redis.from_url(url)
    with client:
        yield lambda: sum(int(told["calls"]) for told in client.info("commandstats").values())


@contextmanager
def of_postgres(url: str) -> Iterator[Odometer]:
    """Counts the bytes that the server writes ahead to its log."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        with suppress(psycopg.errors.InsufficientPrivilege):
            db.execute("CHECKPOINT")
        yield lambda: int(db.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchall()[0][0])
