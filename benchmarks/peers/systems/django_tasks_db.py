"""Two `db_worker` processes that look every 50 ms (default 1 s), without a delay at their start; persistent
connections; SQLite with WAL, `synchronous=FULL` and IMMEDIATE transactions. There is no bulk. A call waits
until its result says that it ended, looking every 2 ms. A process runs one job at a time, so 100 sleepers
at once would need 100 processes.
"""

from __future__ import annotations

import os
import sys
import time

import django
import django.apps

from benchmarks.peers import bodies
from benchmarks.peers.place import TIMEOUT_SECONDS

SETTINGS = "benchmarks.peers.systems.django_settings"
os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
if not django.apps.apps.ready:
    django.setup()

from django_tasks import task  # noqa: E402

PACKAGES = ["django-tasks-db", "django"]


@task()
def add(x: int, y: int) -> int:
    return bodies.add(x, y)


@task()
def holder(number: int) -> None:
    bodies.hold(number)


def workers() -> list[list[str]]:
    options = ["--interval", "0.05", "--no-startup-delay"]
    command = [sys.executable, "-m", "django", "db_worker", "--settings", SETTINGS, *options]
    return [command, command]


def prepare() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def send(number: int) -> None:
    add.enqueue(number, 1)


def call() -> None:
    result = add.enqueue(1, 1)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not result.is_finished:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{result.id} did not end")
        time.sleep(0.002)
        result.refresh()


def hold(number: int) -> None:
    holder.enqueue(number)
