"""The smallest program that takes a job: it imports the driver, connects, claims, and stores the end."""

from __future__ import annotations

import time
from contextlib import closing

from benchmarks.ground import Ground
from benchmarks.place import Place
from benchmarks.worker import python
from cardoon.model import clock

_SQLITE = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA synchronous=FULL")
claim = "SELECT seq FROM jobs WHERE state = 'ready' ORDER BY seq LIMIT 1"
(seq, body), = db.execute(
    f"UPDATE jobs SET state = 'running' WHERE seq = ({claim}) RETURNING seq, body"
).fetchall()
started = time.time()
db.execute("UPDATE jobs SET state = 'done', result = '2', started = ? WHERE seq = ?", (started, seq))
print(started)
"""
_POSTGRES = """
import psycopg, sys, time
db = psycopg.connect(sys.argv[1], autocommit=True)
claim = "SELECT seq FROM floor.jobs WHERE state = 'ready' ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED"
(seq, body), = db.execute(
    f"UPDATE floor.jobs SET state = 'running' WHERE seq = ({claim}) RETURNING seq, body"
).fetchall()
started = time.time()
db.execute("UPDATE floor.jobs SET state = 'done', result = '2', started = %s WHERE seq = %s", (started, seq))
print(started)
"""
_REDIS = """
import redis, sys, time
server = redis.Redis.from_url(sys.argv[1])
job = server.lmove("floor:ready", "floor:working", "RIGHT", "LEFT")
started = time.time()
with server.pipeline() as pipeline:
    pipeline.hset("floor:results", job[:36], "2")
    pipeline.lrem("floor:working", 1, job)
    pipeline.execute()
print(started)
"""
_PROGRAMS = {"sqlite": _SQLITE, "postgres": _POSTGRES, "redis": _REDIS}


def milliseconds(ground: Ground, place: Place) -> float:
    """From the command of the program to the start of the job that waits for it."""
    with closing(ground.floor(place)) as floor:
        floor.fill([(clock.new_id(), b'{"task": "add", "args": [1, 1]}')])
    begun = time.time()
    started = python("-c", _PROGRAMS[ground.system], place.floor)
    return (float(started) - begun) * 1000
