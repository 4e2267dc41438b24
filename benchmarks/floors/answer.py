"""The quickest answer there is: a process that a pipe wakes, with a commit to claim and one to settle.

As `python -m benchmarks.floors.answer FILE` it is that process: for each line that it reads it prints
when the job started.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.floors.table import connect
from benchmarks.worker import environment
from cardoon.model import clock


class Caller:
    """Sends to the process and waits for its answer."""

    def __init__(self, file: Path, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin
        assert worker.stdout
        self._ask, self._answers = worker.stdin, worker.stdout
        self._db = connect(file)

    def call(self) -> tuple[float, float]:
        """Seconds until the job started, and until the caller knew its result."""
        sent = time.time()
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT INTO jobs (id, state) VALUES (?, 'ready')", (clock.new_id(),))
        self._db.execute("COMMIT")
        self._ask.write(b"!\n")
        self._ask.flush()
        started = float(self._answers.readline())
        return started - sent, time.time() - sent

    def close(self) -> None:
        self._ask.close()
        self._db.close()


@contextmanager
def caller(folder: Path) -> Iterator[Caller]:
    """A caller whose other end is ready."""
    file = folder / "answer.db"
    db = connect(file)
    db.execute("CREATE TABLE jobs (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, state TEXT, result TEXT)")
    db.execute("CREATE INDEX ready ON jobs (seq) WHERE state = 'ready'")
    db.close()
    command = [sys.executable, "-m", __name__, str(file)]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        ours = Caller(file, worker)
        ours.call()
        yield ours
        ours.close()


def main() -> None:
    """The process that answers."""
    db = connect(sys.argv[1])
    while sys.stdin.readline():
        db.execute("BEGIN IMMEDIATE")
        claim = "SELECT seq FROM jobs WHERE state = 'ready' ORDER BY seq LIMIT 1"
        ((seq,),) = db.execute(
            f"UPDATE jobs SET state = 'running' WHERE seq = ({claim}) RETURNING seq"
        ).fetchall()
        db.execute("COMMIT")
        started = time.time()
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE jobs SET state = 'done', result = '2' WHERE seq = ?", (seq,))
        db.execute("COMMIT")
        print(started, flush=True)


if __name__ == "__main__":
    main()
