"""`ardiq run -w 2`, 50 jobs at once in each process. Its worker is written in Rust and runs `async def`
jobs on the event loop, `def` ones in threads: `async def` here. Bulk by `enqueue_many`. It needs Python
3.12, the others have the Python of this checkout.
"""

from __future__ import annotations

from ardiq import Ardiq

from benchmarks.peers import bodies
from benchmarks.peers.place import TIMEOUT_SECONDS, URL, program

PACKAGES = ["ardiq", "uvloop"]

app = Ardiq(redis_url=URL or None, queue_name="peer", concurrency=50)
add = app.task(name="add")(bodies.add_async)
sleeper = app.task(name="nap")(bodies.nap_async)
holder = app.task(name="hold")(bodies.hold_async)


def workers() -> list[list[str]]:
    return [[program("ardiq"), "run", f"{__name__}:app", "-w", "2", "-q"]]


async def send(number: int) -> None:
    await add.enqueue(number, 1)


async def send_many(number: int) -> None:
    for start in range(0, number, 1_000):
        await app.enqueue_many([add.prepare(i, 1) for i in range(start, min(start + 1_000, number))])


async def call() -> None:
    job = await add.enqueue(1, 1)
    await job.result(timeout=TIMEOUT_SECONDS)


async def nap() -> None:
    await sleeper.enqueue()


async def hold(number: int) -> None:
    await holder.enqueue(number)
