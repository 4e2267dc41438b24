"""Cardoon as it is, durable: `cardoon worker -p 2`; `-t 50` for jobs that sleep.

Where `async def` jobs are shown it is `--async 50` for both.
"""

from __future__ import annotations

import sys

from benchmarks.peers import bodies
from benchmarks.peers.place import AT_ONCE, FLAVOUR, FOLDER, TIMEOUT_SECONDS, URL
from cardoon import Cardoon

PACKAGES = ["cardoon"]
ASYNC = FLAVOUR == "async"

app = Cardoon("peers", url=URL or f"sqlite:///{FOLDER / 'jobs.db'}", set_as_current=False)
add = app.task(bodies.add_async if ASYNC else bodies.add)
sleeper = app.task(bodies.nap_async if ASYNC else bodies.nap)
holder = app.task(bodies.hold_async if ASYNC else bodies.hold)


def workers() -> list[list[str]]:
    lanes = ["--async", "50"] if ASYNC else ["-t", str(AT_ONCE // 2)] if AT_ONCE else []
    app_name = f"{__name__}:app"
    return [[sys.executable, "-m", "cardoon", "worker", app_name, "-p", "2", "-l", "warning", *lanes]]


def prepare() -> None:
    app.engine.migrate()


def send(number: int) -> None:
    add.delay(number, 1)


def send_many(number: int) -> None:
    add.starmap((i, 1) for i in range(number))


def call() -> None:
    add.delay(1, 1).get(timeout=TIMEOUT_SECONDS)


def nap() -> None:
    sleeper.delay()


def hold(number: int) -> None:
    holder.delay(number)
