"""Two processes of a start script (its command always logs two lines for each job), 50 jobs at once and 200
prefetched in each, uvloop. It runs `async def` jobs best, and so it does here; bulk by `enqueue_many`.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack

from streaq import Worker

from benchmarks.peers import bodies
from benchmarks.peers.place import AT_ONCE, TIMEOUT_SECONDS, URL

PACKAGES = ["streaq", "coredis", "uvloop"]

worker = Worker(
    redis_url=URL,
    concurrency=50,
    prefetch=None if AT_ONCE else 200,
    anyio_kwargs={"use_uvloop": True},
)
connected = AsyncExitStack()


@worker.task(name="add")
async def add(x: int, y: int) -> int:
    return bodies.add(x, y)


@worker.task(name="nap")
async def sleeper() -> None:
    await bodies.nap_async()


@worker.task(name="hold")
async def holder(number: int) -> None:
    await bodies.hold_async(number)


def workers() -> list[list[str]]:
    command = [sys.executable, "-c", f"from {__name__} import worker; worker.run_sync()"]
    return [command, command]


async def connect() -> None:
    await connected.enter_async_context(worker)


async def send(number: int) -> None:
    await add.enqueue(number, 1)


async def send_many(number: int) -> None:
    for start in range(0, number, 1_000):
        await worker.enqueue_many([add.enqueue(i, 1) for i in range(start, min(start + 1_000, number))])


async def call() -> None:
    task = await add.enqueue(1, 1)
    await task.result(timeout=TIMEOUT_SECONDS)


async def nap() -> None:
    await sleeper.enqueue()


async def hold(number: int) -> None:
    await holder.enqueue(number)
