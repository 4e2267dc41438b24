"""What the file of an engine tells afterwards, asked behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_NOTE_CLAIMS = """
CREATE TABLE claims (moment REAL NOT NULL);
CREATE TRIGGER note_claims AFTER UPDATE OF attempt ON jobs WHEN new.state = 'running'
BEGIN INSERT INTO claims VALUES (new.started); END;
"""


def first_and_last(folder: Path, jobs: int) -> tuple[float, float]:
    """The first start and the last finish, as stored; every job must have ended well."""
    with _opened(folder) as db:
        query = "SELECT count(*), min(started), max(finished) FROM jobs WHERE state = 'succeeded'"
        done, first, last = db.execute(query).fetchone()
    if done != jobs:
        raise RuntimeError(f"{done} of {jobs} jobs succeeded")
    return first, last


def note_claims(folder: Path) -> None:
    """From now on the file notes the moment of every claim, within the claim's own transaction."""
    with _opened(folder) as db:
        db.executescript(_NOTE_CLAIMS)


def claims(folder: Path) -> int:
    """How many were noted."""
    with _opened(folder) as db:
        return int(db.execute("SELECT count(*) FROM claims").fetchone()[0])


def last_claim(folder: Path) -> float:
    """The moment of the last one that was noted."""
    with _opened(folder) as db:
        return float(db.execute("SELECT max(moment) FROM claims").fetchone()[0])


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "jobs.db")) as db:
        yield db
