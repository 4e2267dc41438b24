"""Two worker processes. Redis: blocking pop, waiters on results notified, hiredis. SQLite: WAL, and fsync
on (its default leaves it to the system), polling every 5 to 20 ms (default 100 ms to 10 s). Jobs that
sleep: one process with 100 threads, its way for such. It knows no acknowledgement: a killed worker loses
its jobs. There is no bulk.
"""

from __future__ import annotations

from huey import RedisHuey, SqliteHuey

from benchmarks.peers import bodies
from benchmarks.peers.place import AT_ONCE, FOLDER, TIMEOUT_SECONDS, URL, program

PACKAGES = ["huey"]

huey = (
    RedisHuey("peer", url=URL, notify_result=True)
    if URL
    else SqliteHuey("peer", filename=str(FOLDER / "huey.db"), fsync=True)
)
add = huey.task()(bodies.add)
sleeper = huey.task()(bodies.nap)
holder = huey.task()(bodies.hold)


def workers() -> list[list[str]]:
    pool = ["-w", str(AT_ONCE), "-k", "thread"] if AT_ONCE else ["-w", "2", "-k", "process"]
    poll = ["-d", "0.005", "-m", "0.02", "-n", "-q"]
    return [[program("huey_consumer"), f"{__name__}.huey", *pool, *poll]]


def send(number: int) -> None:
    add(number, 1)


def call() -> None:
    add(1, 1).get(blocking=True, timeout=TIMEOUT_SECONDS, max_delay=0.01)


def nap() -> None:
    sleeper()


def hold(number: int) -> None:
    holder(number)
