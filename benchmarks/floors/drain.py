"""The smallest worker there is: finish the last batch and claim the next in one transaction.

As `python -m benchmarks.floors.drain FILE BATCH` it is one of its processes, and prints the moments of
its first start and its last finish.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.floors.table import connect
from benchmarks.processes import cpu_of_children
from benchmarks.worker import environment
from cardoon.model import clock

TURNS_PAY_FROM = 50
"""Processes that take turns behind a lock on a file work off large batches a fifth faster; for small ones
SQLite's own way of waiting is the faster one.
"""

_FINISH = "UPDATE jobs SET state = 'done', result = ?, started = ?, finished = ? WHERE seq = ?"
_CLAIM = """
UPDATE jobs SET state = 'running'
WHERE seq IN (SELECT seq FROM jobs WHERE state = 'ready' ORDER BY seq LIMIT ?) RETURNING seq, body
"""

Job = tuple[int, str]
End = tuple[str, float, float, int]


class Drained(msgspec.Struct, frozen=True):
    """Jobs per second, from the first start and from the command on; microseconds of CPU per job."""

    rate: float
    from_command: float
    cpu: float

    @classmethod
    def of(cls, jobs: int, command: float, first: float, last: float, cpu_seconds: float) -> Drained:
        return cls(jobs / (last - first), jobs / (last - command), cpu_seconds / jobs * 1e6)


def fill(file: Path, jobs: int) -> None:
    """A table with two indexes and so many jobs in it."""
    db = connect(file)
    db.execute(
        "CREATE TABLE jobs (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, "
        "body TEXT NOT NULL, result TEXT, started REAL, finished REAL)"
    )
    db.execute("CREATE INDEX ready ON jobs (seq) WHERE state = 'ready'")
    rows = [(clock.new_id(), json.dumps({"task": "add", "args": [i, 1]})) for i in range(jobs)]
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO jobs (id, state, body) VALUES (?, 'ready', ?)", rows)
    db.execute("COMMIT")
    db.close()


def run(folder: Path, jobs: int, batch: int, processes: int) -> Drained:
    """Work off so many jobs with so many processes."""
    file = folder / f"drain-{batch}.db"
    fill(file, jobs)
    cpu, command = cpu_of_children(), time.time()
    line = [sys.executable, "-m", __name__, str(file), str(batch)]
    workers = [subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE) for _ in range(processes)]
    moments = [list(map(float, worker.communicate()[0].split())) for worker in workers]
    first, last = min(moment[0] for moment in moments), max(moment[1] for moment in moments)
    return Drained.of(jobs, command, first, last, cpu_of_children() - cpu)


def main() -> None:
    """One of the worker processes."""
    file, batch = sys.argv[1], int(sys.argv[2])
    db = connect(file)
    turn = os.open(f"{file}-turn", os.O_CREAT | os.O_RDWR, 0o600) if batch >= TURNS_PAY_FROM else None
    first = finished = time.time()
    ends: list[End] = []
    while jobs := _finish_and_claim(db, turn, ends, batch):
        ends = [_run(job) for job in jobs]
        finished = time.time()
    print(first, finished)


def _finish_and_claim(db: sqlite3.Connection, turn: int | None, ends: list[End], batch: int) -> list[Job]:
    if turn is not None:
        fcntl.flock(turn, fcntl.LOCK_EX)
    db.execute("BEGIN IMMEDIATE")
    db.executemany(_FINISH, ends)
    claimed = db.execute(_CLAIM, (batch,)).fetchall()
    db.execute("COMMIT")
    if turn is not None:
        fcntl.flock(turn, fcntl.LOCK_UN)
    return claimed


def _run(job: Job) -> End:
    started = time.time()
    seq, body = job
    call = json.loads(body)
    result = _add(*call["args"])
    return json.dumps(result), started, time.time(), seq


def _add(x: int, y: int) -> int:
    return x + y


if __name__ == "__main__":
    main()
