"""Two processes, 50 jobs at once in each, polling every 10 ms (default 500 ms), results kept, uvloop,
hiredis, logging warnings only. It runs `async def` jobs only. There is no bulk: 100 calls at once.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import uvloop
from arq import create_pool
from arq.connections import ArqRedis, RedisSettings

from benchmarks.peers import bodies
from benchmarks.peers.place import TIMEOUT_SECONDS, URL, program

PACKAGES = ["arq", "redis", "hiredis", "uvloop"]
QUIET = {"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}}

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
pool: ArqRedis


async def add(ctx: Any, x: int, y: int) -> int:
    return bodies.add(x, y)


async def sleeper(ctx: Any) -> None:
    await bodies.nap_async()


async def holder(ctx: Any, number: int) -> None:
    await bodies.hold_async(number)


class WorkerSettings:
    """What `arq` reads."""

    functions: ClassVar = [add, sleeper, holder]
    redis_settings = RedisSettings.from_dsn(URL) if URL else RedisSettings()
    max_jobs = 50
    poll_delay = 0.01


def workers() -> list[list[str]]:
    command = [program("arq"), f"{__name__}.WorkerSettings", "--custom-log-dict", f"{__name__}.QUIET"]
    return [command, command]


async def connect() -> None:
    global pool
    pool = await create_pool(WorkerSettings.redis_settings)


async def send(number: int) -> None:
    await pool.enqueue_job("add", number, 1)


async def send_many(number: int) -> None:
    for start in range(0, number, 100):
        await asyncio.gather(*(send(i) for i in range(start, min(start + 100, number))))


async def call() -> None:
    job = await pool.enqueue_job("add", 1, 1)
    assert job is not None
    await job.result(timeout=TIMEOUT_SECONDS, poll_delay=0.002)


async def nap() -> None:
    await pool.enqueue_job("sleeper")


async def hold(number: int) -> None:
    await pool.enqueue_job("holder", number)
