"""`saq --workers 2 --quiet`, 50 jobs at once in each, uvloop, hiredis. It runs `async def` jobs only. There
is no bulk: 100 calls at once. A result is waited for with `refresh(until_complete=...)`, two seconds at a
time, because that sometimes sleeps through the end; its `apply` polls twice a second.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop
from saq import Queue

from benchmarks.peers import bodies
from benchmarks.peers.place import URL, program

PACKAGES = ["saq", "redis", "hiredis", "uvloop"]
_LOOK_AGAIN_SECONDS = 2

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
queue = Queue.from_url(URL)


async def add(ctx: Any, *, x: int, y: int) -> int:
    return bodies.add(x, y)


async def sleeper(ctx: Any) -> None:
    await bodies.nap_async()


async def holder(ctx: Any, *, number: int) -> None:
    await bodies.hold_async(number)


settings = {"queue": queue, "functions": [add, sleeper, holder], "concurrency": 50}


def workers() -> list[list[str]]:
    return [[program("saq"), f"{__name__}.settings", "--workers", "2", "--quiet"]]


async def connect() -> None:
    await queue.connect()


async def send(number: int) -> None:
    await queue.enqueue("add", x=number, y=1)


async def send_many(number: int) -> None:
    for start in range(0, number, 100):
        await asyncio.gather(*(send(i) for i in range(start, min(start + 100, number))))


async def call() -> None:
    job = await queue.enqueue("add", x=1, y=1)
    assert job is not None
    try:
        await job.refresh(until_complete=_LOOK_AGAIN_SECONDS)
    except TimeoutError:
        await job.refresh()
    assert job.completed


async def nap() -> None:
    await queue.enqueue("sleeper")


async def hold(number: int) -> None:
    await queue.enqueue("holder", number=number)
