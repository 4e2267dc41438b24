"""Two processes with the solo pool: without the pipe between parent and child they run no-op jobs about 1.6
times as fast as prefork with two children. No gossip, mingle, heartbeat, events and remote control, JSON,
hiredis, results in a second database of the same Redis, prefetch multiplier 64. Jobs that sleep: two
processes with 50 threads each, multiplier 2. It acknowledges early, as it does by default. There is no
bulk.
"""

from __future__ import annotations

from celery import Celery

from benchmarks.peers import bodies
from benchmarks.peers.place import AT_ONCE, TIMEOUT_SECONDS, URL, program

PACKAGES = ["celery", "redis", "hiredis"]

app = Celery("peer", broker=URL, backend=URL.removesuffix("/0") + "/1")
app.conf.update(
    worker_prefetch_multiplier=2 if AT_ONCE else 64,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    task_serializer="json",
    result_serializer="json",
    broker_connection_retry_on_startup=True,
)
add = app.task(bodies.add, name="add")
sleeper = app.task(bodies.nap, name="nap")
holder = app.task(bodies.hold, name="hold")


def workers() -> list[list[str]]:
    pool = ["-P", "threads", "-c", str(AT_ONCE // 2)] if AT_ONCE else ["-P", "solo"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    return [
        [program("celery"), "-A", __name__, "worker", "-n", f"{name}@peer", *pool, *quiet] for name in "ab"
    ]


def send(number: int) -> None:
    add.delay(number, 1)


def call() -> None:
    add.delay(1, 1).get(timeout=TIMEOUT_SECONDS)


def nap() -> None:
    sleeper.delay()


def hold(number: int) -> None:
    holder.delay(number)
