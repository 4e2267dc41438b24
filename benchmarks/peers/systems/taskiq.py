"""`taskiq worker --workers 2` on Redis streams, 100 entries a read, 100 jobs and 100 prefetched in each
process (50 and 50 for jobs that sleep), orjson, no parsing of parameters, results in Redis, uvloop,
hiredis. It runs `async def` jobs best, and so it does here. There is no bulk: 100 calls at once.
"""

from __future__ import annotations

import asyncio

from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from benchmarks.peers import bodies
from benchmarks.peers.place import AT_ONCE, TIMEOUT_SECONDS, URL, program

PACKAGES = ["taskiq", "taskiq-redis", "redis", "hiredis", "uvloop"]

results = RedisAsyncResultBackend(URL, result_ex_time=3600)
broker = RedisStreamBroker(URL, xread_count=100).with_result_backend(results)
broker = broker.with_serializer(ORJSONSerializer())
add = broker.task(task_name="add")(bodies.add_async)
sleeper = broker.task(task_name="nap")(bodies.nap_async)
holder = broker.task(task_name="hold")(bodies.hold_async)


def workers() -> list[list[str]]:
    at_once = str(AT_ONCE // 2 or 100)
    sizes = ["--max-async-tasks", at_once, "--max-prefetch", at_once, "--no-parse", "--log-level", "ERROR"]
    return [[program("taskiq"), "worker", f"{__name__}:broker", "--workers", "2", *sizes]]


async def connect() -> None:
    await broker.startup()


async def send(number: int) -> None:
    await add.kiq(number, 1)


async def send_many(number: int) -> None:
    for start in range(0, number, 100):
        await asyncio.gather(*(send(i) for i in range(start, min(start + 100, number))))


async def call() -> None:
    task = await add.kiq(1, 1)
    await task.wait_result(check_interval=0.001, timeout=TIMEOUT_SECONDS)


async def nap() -> None:
    await sleeper.kiq()


async def hold(number: int) -> None:
    await holder.kiq(number)
