"""The floor of SQLite: the `sqlite3` module."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.floors.floor import End, Job, Row
from cardoon.engines.sqlite.connection import CHECKPOINT_PAGES
from cardoon.model import clock

SYNCHRONOUS = {"durable": "FULL", "fast": "NORMAL"}
TURNS_PAY_FROM = 50
"""Processes that take turns behind a lock on a file work off large batches a fifth faster; for small ones
SQLite's own way of waiting is the faster one.
"""

_TABLES = """
DROP TABLE IF EXISTS bodies;
DROP TABLE IF EXISTS jobs;
CREATE TABLE bodies (id TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE jobs (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL,
    result TEXT, started REAL, finished REAL);
CREATE INDEX ready ON jobs (seq) WHERE state = 'ready';
DROP TABLE IF EXISTS sent;
CREATE TABLE sent (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, queue TEXT NOT NULL,
    priority INTEGER NOT NULL, task TEXT NOT NULL, created REAL NOT NULL, due REAL, body BLOB NOT NULL);
CREATE INDEX sent_ready ON sent (queue, priority, seq) WHERE state = 'ready';
"""
_SEND = """
INSERT INTO sent (id, state, queue, priority, task, created, body)
VALUES (?, 'ready', 'celery', 5, 'benchmarks.application.add', julianday('now'), ?)
"""
_FINISH = "UPDATE jobs SET state = 'done', result = ?, started = ?, finished = ? WHERE seq = ?"
_CLAIM = """
UPDATE jobs SET state = 'running'
WHERE seq IN (SELECT seq FROM jobs WHERE state = 'ready' ORDER BY seq LIMIT ?) RETURNING seq, body
"""
_ASK, _ANSWERS = "ask", "answers"


class BareFloor:
    """See `Floor`."""

    sentence: ClassVar[str] = (
        "`sqlite3` with the same pragmas; one row a transaction, `executemany` for many; a job as "
        "a row of nine columns with two indexes; processes that take batches in one "
        "transaction on a table with 2 indexes; an answer by named pipes"
    )

    def __init__(self, address: str, profile: str = "durable") -> None:
        self._file = address
        self._db = sqlite3.connect(address, isolation_level=None, timeout=60)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={SYNCHRONOUS[profile]}")
        self._db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        self._turn = os.open(f"{address}-turn", os.O_CREAT | os.O_RDWR, 0o600)
        self._pipes = {name: _pipe(f"{address}-{name}") for name in (_ASK, _ANSWERS)}

    def make(self) -> None:
        self._db.executescript(_TABLES)

    def insert(self, row: Row) -> None:
        self.insert_many([row])

    def insert_job(self, row: Row) -> None:
        self._insert(_SEND, [row])

    def insert_many(self, rows: Sequence[Row]) -> None:
        self._insert("INSERT INTO bodies VALUES (?, ?)", rows)

    def _insert(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(query, rows)
        self._db.execute("COMMIT")

    def fill(self, jobs: Sequence[Row]) -> None:
        self._insert(
            "INSERT INTO jobs (id, state, body) VALUES (?, 'ready', ?)",
            [(id, body.decode()) for id, body in jobs],
        )

    def exchange(self, ends: Sequence[End], batch: int) -> list[Job]:
        if batch < TURNS_PAY_FROM:
            return self._exchange(ends, batch)
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        claimed = self._exchange(ends, batch)
        fcntl.flock(self._turn, fcntl.LOCK_UN)
        return claimed

    def _exchange(self, ends: Sequence[End], batch: int) -> list[Job]:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(_FINISH, ends)
        claimed: list[Job] = self._db.execute(_CLAIM, (batch,)).fetchall() if batch else []
        self._db.execute("COMMIT")
        return claimed

    def ask(self) -> None:
        self.fill([(clock.new_id(), b"")])
        os.write(self._pipes[_ASK], b"!")

    def hear(self) -> float:
        return float(os.read(self._pipes[_ANSWERS], 64))

    def answer(self) -> None:
        while os.read(self._pipes[_ASK], 1):
            ((seq, _),) = self._exchange([], 1)
            started = time.time()
            self._exchange([("2", started, started, seq)], 0)
            os.write(self._pipes[_ANSWERS], str(started).encode())

    def bytes_used(self) -> int:
        return Path(self._file).stat().st_size

    def close(self) -> None:
        self._db.close()
        for descriptor in (self._turn, *self._pipes.values()):
            os.close(descriptor)


def _pipe(path: str) -> int:
    with suppress(FileExistsError):
        os.mkfifo(path)
    return os.open(path, os.O_RDWR)  # both ways, so that neither side waits for the other to open it
