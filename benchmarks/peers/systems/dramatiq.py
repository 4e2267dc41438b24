"""Two processes with 4 threads each and a prefetch of 200; results by its middleware, in the same Redis;
hiredis. Jobs that sleep: 50 threads each, prefetch 100. There is no bulk.
"""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.peers import bodies
from benchmarks.peers.place import AT_ONCE, TIMEOUT_SECONDS, URL, program

PACKAGES = ["dramatiq", "redis", "hiredis"]

os.environ["dramatiq_queue_prefetch"] = "100" if AT_ONCE else "200"  # noqa: SIM112
broker = RedisBroker(url=URL)
broker.add_middleware(Results(backend=RedisBackend(url=URL)))
dramatiq.set_broker(broker)
add = dramatiq.actor(bodies.add, store_results=True)
sleeper = dramatiq.actor(bodies.nap)
holder = dramatiq.actor(bodies.hold)


def workers() -> list[list[str]]:
    threads = str(AT_ONCE // 2 or 4)
    return [[program("dramatiq"), __name__, "-p", "2", "-t", threads]]


def send(number: int) -> None:
    add.send(number, 1)


def call() -> None:
    add.send(1, 1).get_result(block=True, timeout=TIMEOUT_SECONDS * 1000)


def nap() -> None:
    sleeper.send()


def hold(number: int) -> None:
    holder.send(number)
