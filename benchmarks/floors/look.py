"""The least that an idle worker does: it asks its engine once a second whether there is something."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from benchmarks.ground import Ground
from benchmarks.place import Place
from benchmarks.worker import environment

_SQLITE = """
import sqlite3
db = sqlite3.connect(sys.argv[1], isolation_level=None)
def look():
    db.execute("SELECT seq FROM jobs WHERE state = 'ready' ORDER BY seq LIMIT 1").fetchall()
"""
_POSTGRES = """
import psycopg
db = psycopg.connect(sys.argv[1], autocommit=True)
def look():
    db.execute("SELECT seq FROM floor.jobs WHERE state = 'ready' ORDER BY seq LIMIT 1").fetchall()
"""
_REDIS = """
import redis
server = redis.Redis.from_url(sys.argv[1])
def look():
    server.lrange("floor:ready", 0, 0)
"""
_LOOKS = """
look()
print(flush=True)
while True:
    time.sleep(1.0)
    look()
"""
_PROGRAMS = {"sqlite": _SQLITE, "postgres": _POSTGRES, "redis": _REDIS}


@contextmanager
def idle(ground: Ground, place: Place, processes: int) -> Iterator[list[int]]:
    """The ids of so many processes that do nothing else; each has looked once."""
    program = f"import sys, time{_PROGRAMS[ground.system]}{_LOOKS}"
    command = [sys.executable, "-c", program, place.floor]
    with closing(ground.floor(place)), ExitStack() as stack:
        pids = []
        for _ in range(processes):
            process = stack.enter_context(
                subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE)
            )
            stack.callback(process.terminate)
            assert process.stdout
            process.stdout.readline()
            pids.append(process.pid)
        yield pids
