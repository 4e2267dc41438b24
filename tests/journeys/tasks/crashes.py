"""Tasks that end their process; the journeys copy this file into a project of their own."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cardoon import Cardoon

app = Cardoon("crashes", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")
log = logging.getLogger("crashes")

Body = Callable[..., Any]


class Telling(app.Task):
    """Writes down which process tells it what."""

    abstract = True

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        note(f"{task_id}.told", f"{os.getpid()} {type(exc).__name__}: {exc}")


def note(name: str, line: str) -> None:
    with Path(name).open("a") as file:
        file.write(f"{line}\n")


def task(body: Body) -> Body:
    """Declare a body as a `def` task, and once more as an `async def` one called `async_...`."""

    async def on_the_loop(*args: Any) -> Any:
        return body(*args)

    app.task(name=f"crashes.{body.__name__}", base=Telling, typing=False)(body)
    app.task(name=f"crashes.async_{body.__name__}", base=Telling, typing=False)(on_the_loop)
    return body


@task
def fine() -> str:
    return "fine"


@task
def segfault(mark: str) -> None:
    note(mark, str(os.getpid()))
    log.warning("about to touch what is not there")
    ctypes.string_at(0)


@task
def leave_with(mark: str, code: int) -> None:
    note(mark, str(os.getpid()))
    log.warning("about to leave with %d", code)
    os._exit(code)


@task
def close_all_files(mark: str) -> None:
    note(mark, str(os.getpid()))
    log.warning("about to close all files")
    os.closerange(3, 1000)


@task
def kill_yourself(mark: str) -> None:
    note(mark, str(os.getpid()))
    log.warning("about to kill")
    os.kill(os.getpid(), signal.SIGKILL)


@task
def use_much_and_leave(mark: str, megabytes: int) -> None:
    note(mark, str(os.getpid()))
    much = b"x" * (megabytes * 2**20)
    os._exit(len(much) % 2)


@task
def abort(mark: str) -> None:
    note(mark, str(os.getpid()))
    sys.stdout.flush()
    os.abort()


# -- the innocent beside the guilty


def begin(name: str) -> bool:
    """Write down that it starts; whether it did before."""
    before = Path("order").exists() and f"begin {name}\n" in Path("order").read_text()
    note("order", f"begin {name}")
    return before


@app.task
def innocent(name: str, gate: str) -> str:
    """The first time it waits for the gate; after a crash it takes a moment."""
    if begin(name):
        time.sleep(0.05)
    else:
        while not Path(gate).exists():
            time.sleep(0.01)
    note("order", f"end {name}")
    return "done"


@app.task
async def async_innocent(name: str, gate: str) -> str:
    if begin(name):
        await asyncio.sleep(0.05)
    else:
        while not Path(gate).exists():
            await asyncio.sleep(0.01)
    note("order", f"end {name}")
    return "done"


@app.task
def nap(seconds: float) -> None:
    time.sleep(seconds)


@app.task
async def async_nap(seconds: float) -> None:
    await asyncio.sleep(seconds)


# -- both kinds of misfortune


@app.task(bind=True, retry_for=OSError, max_retries=5, default_retry_delay=0, name="crashes.unlucky")
def unlucky(self: Any, mark: str) -> list[int]:
    """Fails, dies, fails, dies, and then tells what was counted."""
    note(mark, "run")
    runs = len(Path(mark).read_text().splitlines())
    if runs in (1, 3):
        raise OSError("no luck")
    if runs in (2, 4):
        os._exit(5)
    return [self.request.attempt, self.request.retries, self.request.claim.crashes]
