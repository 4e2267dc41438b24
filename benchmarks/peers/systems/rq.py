"""`rq worker-pool -n 2` with the SimpleWorker, which does not fork for each job (its default does, and runs
a fifth as many); hiredis; results kept 500 seconds; bulk by `enqueue_many`. A process runs one job at a
time, so 100 sleepers at once would need 100 processes.
"""

from __future__ import annotations

from redis import Redis
from rq import Queue

from benchmarks.peers import bodies
from benchmarks.peers.place import TIMEOUT_SECONDS, URL, program

PACKAGES = ["rq", "redis", "hiredis"]

queue = Queue(connection=Redis.from_url(URL))


def workers() -> list[list[str]]:
    return [[program("rq"), "worker-pool", "-n", "2", "-w", "rq.SimpleWorker", "-q", "-u", URL]]


def send(number: int) -> None:
    queue.enqueue(bodies.add, number, 1)


def send_many(number: int) -> None:
    for start in range(0, number, 1_000):
        end = min(start + 1_000, number)
        queue.enqueue_many([Queue.prepare_data(bodies.add, (i, 1)) for i in range(start, end)])


def call() -> None:
    found = queue.enqueue(bodies.add, 1, 1).latest_result(timeout=TIMEOUT_SECONDS)
    assert found is not None
    assert found.return_value == 2


def hold(number: int) -> None:
    queue.enqueue(bodies.hold, number)
