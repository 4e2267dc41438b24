"""The schema of the file: whose it is, which migrations it has, and the ones that are missing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cardoon.engines.sqlfile import migrations
from cardoon.model.errors import EngineRefused

MIGRATIONS = Path(__file__).with_name("migrations")
APPLICATION_ID = 0x0CA12D00
"""Marks the file as Cardoon's (SQLite's `application_id`)."""


def bring_up(db: sqlite3.Connection, path: Path) -> list[str]:
    """Apply the migrations that are missing, each in one transaction; their names.

    Raises EngineRefused for another program's database and for one of a newer Cardoon.
    """
    done = _version(db, path)
    missing = migrations(MIGRATIONS)[done:]
    if not missing:
        return []
    db.execute("PRAGMA journal_mode=WAL")
    for number, (_name, script) in enumerate(missing, start=done + 1):
        _run(db, _step(number, script))
    return [name for name, _script in missing]


def as_sql() -> str:
    """All migrations as one script for the `sqlite3` of the command line."""
    steps = [_step(number, script) for number, (_name, script) in enumerate(migrations(MIGRATIONS), start=1)]
    return "\n".join(["PRAGMA journal_mode=WAL;", *steps, ""])


def _step(number: int, script: str) -> str:
    marks = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={number};"
    return f"BEGIN IMMEDIATE; {script} {marks} COMMIT;"


def _version(db: sqlite3.Connection, path: Path) -> int:
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    known = len(migrations(MIGRATIONS))
    if application != APPLICATION_ID:
        if version or db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise EngineRefused(
                f"{path} is the database of another program; name a file of its own for Cardoon"
            )
        return 0
    if version > known:
        raise EngineRefused(f"{path} has schema {version}, this Cardoon knows {known}: upgrade Cardoon")
    return version


def _run(db: sqlite3.Connection, script: str) -> None:
    try:
        db.executescript(script)
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
