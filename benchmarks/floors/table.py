"""A plain table of jobs in a plain SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cardoon.engines.sqlite.connection import CHECKPOINT_PAGES
from cardoon.model import clock

SYNCHRONOUS = {"durable": "FULL", "fast": "NORMAL"}
Row = tuple[str, bytes]


def connect(file: Path | str, profile: str = "durable") -> sqlite3.Connection:
    """A connection with the durability of Cardoon's profile of that name, checkpointed as rarely."""
    db = sqlite3.connect(file, isolation_level=None, timeout=60)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={SYNCHRONOUS[profile]}")
    db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    return db


def rows(number: int, size: int) -> list[Row]:
    """So many rows that take `size` bytes each."""
    ids = [clock.new_id() for _ in range(number)]
    return [(id, bytes(max(1, size - len(id)))) for id in ids]


def make(db: sqlite3.Connection) -> None:
    """A table with a text primary key."""
    db.execute("CREATE TABLE jobs (id TEXT PRIMARY KEY, body BLOB NOT NULL)")


def insert(db: sqlite3.Connection, given: Sequence[Row]) -> None:
    """Store these rows, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO jobs VALUES (?, ?)", given)
    db.execute("COMMIT")


def stored_size(file: Path) -> int:
    """How many bytes one job of Cardoon takes in its table."""
    with closing(sqlite3.connect(file)) as db:
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(jobs)")]
        lengths = " + ".join(f"coalesce(length({name}), 0)" for name in columns)
        found = db.execute(f"SELECT {lengths} FROM jobs ORDER BY seq DESC LIMIT 1").fetchone()
    return int(found[0])
