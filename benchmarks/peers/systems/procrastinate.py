"""Two processes, 20 jobs at once in each (50 for jobs that sleep), woken by LISTEN and NOTIFY; `async def`
jobs, which it runs best; the producer has its synchronous connector. Bulk by `batch_defer`. It stores no
results: a call waits until the job's state says that it succeeded, looking every 2 ms.
"""

from __future__ import annotations

import time

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.jobs import Status

from benchmarks.peers import bodies
from benchmarks.peers.place import AT_ONCE, TIMEOUT_SECONDS, URL, program

PACKAGES = ["procrastinate", "psycopg"]

app = App(connector=PsycopgConnector(conninfo=URL))
add = app.task(name="add")(bodies.add_async)
sleeper = app.task(name="nap")(bodies.nap_async)
holder = app.task(name="hold")(bodies.hold_async)


def workers() -> list[list[str]]:
    at_once = str(AT_ONCE // 2 or 20)
    command = [program("procrastinate"), "--app", f"{__name__}.app", "worker", "-c", at_once]
    return [command, command]


def prepare() -> None:
    with App(connector=SyncPsycopgConnector(conninfo=URL)).open() as opened:
        opened.schema_manager.apply_schema()


def connect() -> None:
    app.open()


def send(number: int) -> None:
    add.defer(x=number, y=1)


def send_many(number: int) -> None:
    for start in range(0, number, 1_000):
        calls = ({"x": i, "y": 1} for i in range(start, min(start + 1_000, number)))
        add.batch_defer(*calls)


def call() -> None:
    id = add.defer(x=1, y=1)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while app.job_manager.get_job_status(id) is not Status.SUCCEEDED:
        if time.monotonic() > deadline:
            raise TimeoutError(f"job {id} did not succeed")
        time.sleep(0.002)


def nap() -> None:
    sleeper.defer()


def hold(number: int) -> None:
    holder.defer(number=number)
