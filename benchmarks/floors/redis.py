"""The floor of Redis: redis-py with hiredis."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

import redis

from benchmarks.floors.floor import End, Job, Row
from cardoon.model import clock

LIST, READY, CLAIMED, RESULTS = "floor:list", "floor:ready", "floor:claimed", "floor:results"
JOB, SENT = "floor:job", "floor:sent"
ASKED, WORKING, ANSWERS = "floor:asked", "floor:working", "floor:answers"
_KEYS = (LIST, READY, CLAIMED, RESULTS, SENT, ASKED, WORKING, ANSWERS)

_EXCHANGE = """
for i = 2, #ARGV, 2 do
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
    redis.call('HDEL', KEYS[2], ARGV[i])
end
local jobs = redis.call('LPOP', KEYS[1], ARGV[1])
if not jobs then return {} end
for i = 1, #jobs do
    redis.call('HSET', KEYS[2], string.sub(jobs[i], 1, 36), jobs[i])
end
return jobs
"""
_SEND = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX') then return 0 end
return redis.call('RPUSH', KEYS[2], KEYS[1])
"""
_ID = 36
"""The length of an id, which stands before the body."""


class BareFloor:
    """See `Floor`."""

    sentence: ClassVar[str] = (
        "`redis-py` with hiredis; one `LPUSH` after the other with its client object, a "
        "pipeline of them for many; a job as a key and a place in a list, by a script, on the bare "
        "connection; processes that finish a batch and claim the next in one Lua script; "
        "an answer by `BLMOVE` and `BLPOP`"
    )

    def __init__(self, address: str, profile: str = "durable") -> None:
        # What a server keeps is set by the server, so the profile changes nothing here.
        self._redis: redis.Redis = redis.Redis.from_url(address)
        self._script = self._redis.register_script(_EXCHANGE)
        self._send = self._redis.script_load(_SEND)
        self._connection = self._redis.connection_pool.get_connection()

    def make(self) -> None:
        self._redis.delete(*_KEYS)

    def insert(self, row: Row) -> None:
        self._redis.lpush(LIST, row[0].encode() + row[1])

    def insert_job(self, row: Row) -> None:
        # On the connection: a client object takes longer than the server does.
        connection: Any = self._connection
        connection.send_command("EVALSHA", self._send, 2, f"{JOB}:{row[0]}", SENT, row[1])
        connection.read_response()

    def insert_many(self, rows: Sequence[Row]) -> None:
        self._push(LIST, rows)

    def fill(self, jobs: Sequence[Row]) -> None:
        self._push(READY, jobs)

    def _push(self, name: str, rows: Sequence[Row]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for id, body in rows:
                pipeline.lpush(name, id.encode() + body)
            pipeline.execute()

    def exchange(self, ends: Sequence[End], batch: int) -> list[Job]:
        pairs = [
            part for result, started, finished, id in ends for part in (id, f"{result} {started} {finished}")
        ]
        found: Any = self._script(keys=[READY, CLAIMED, RESULTS], args=[batch, *pairs])
        return [(job[:_ID], job[_ID:]) for job in found]

    def ask(self) -> None:
        self._redis.lpush(ASKED, clock.new_id())

    def hear(self) -> float:
        found: Any = self._redis.blpop([ANSWERS])
        return float(found[1])

    def answer(self) -> None:
        while True:
            id: Any = self._redis.blmove(ASKED, WORKING, 0, "RIGHT", "LEFT")
            started = time.time()
            with self._redis.pipeline() as pipeline:
                pipeline.hset(RESULTS, id, "2")
                pipeline.lrem(WORKING, 1, id)
                pipeline.lpush(ANSWERS, started)
                pipeline.execute()

    def bytes_used(self) -> int:
        found: Any = self._redis.info("memory")
        return int(found["used_memory"])

    def close(self) -> None:
        self._redis.connection_pool.release(self._connection)
        self._redis.close()
