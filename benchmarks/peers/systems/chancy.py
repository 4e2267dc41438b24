"""Two processes, its executor for `async def` jobs with 50 at once, eager polling, a poll a second beside
the notifications. It writes ends up to a second late. Bulk by `push_many`. It stores no results: a call
waits until the job's state says that it succeeded, looking every 2 ms.
"""

from __future__ import annotations

import uvloop
from chancy import Chancy, Queue, job

from benchmarks.peers import bodies
from benchmarks.peers.place import TIMEOUT_SECONDS, URL, program

PACKAGES = ["chancy", "psycopg", "uvloop"]

uvloop.install()
chancy = Chancy(URL)


@job(queue="default")
async def add(*, x: int, y: int) -> None:
    bodies.add(x, y)


@job(queue="default")
async def sleeper() -> None:
    await bodies.nap_async()


@job(queue="default")
async def holder(*, number: int) -> None:
    await bodies.hold_async(number)


def workers() -> list[list[str]]:
    command = [program("chancy"), "--app", f"{__name__}.chancy", "worker", "start"]
    return [command, command]


async def prepare() -> None:
    async with Chancy(URL) as opened:
        await opened.migrate()
        await opened.declare(
            Queue(
                "default",
                concurrency=50,
                executor="chancy.executors.asyncex.AsyncExecutor",
                polling_interval=1,
                eager_polling=True,
            )
        )


async def connect() -> None:
    await chancy.__aenter__()


async def send(number: int) -> None:
    await chancy.push(add.job.with_kwargs(x=number, y=1))


async def send_many(number: int) -> None:
    async for _ in chancy.push_many([add.job.with_kwargs(x=i, y=1) for i in range(number)]):
        pass


async def call() -> None:
    reference = await chancy.push(add.job.with_kwargs(x=1, y=1))
    await chancy.wait_for_job(reference, interval=0.002, timeout=TIMEOUT_SECONDS)  # type: ignore[arg-type]


async def nap() -> None:
    await chancy.push(sleeper)


async def hold(number: int) -> None:
    await chancy.push(holder.job.with_kwargs(number=number))
