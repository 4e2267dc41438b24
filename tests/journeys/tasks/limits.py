"""Tasks that take longer than they may; the journeys copy this file into a project of their own."""

from __future__ import annotations

import asyncio
import ctypes
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from cardoon import Cardoon
from cardoon.exceptions import SoftTimeLimitExceeded

app = Cardoon("limits", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")

SOFT, HARD = 0.2, 0.4


def nap(seconds: float) -> None:
    """Sleep in small pieces: into another thread nothing is raised while it is in C."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


@app.task
def fine() -> str:
    return "fine"


@app.task
async def async_fine() -> str:
    return "fine"


# -- soft


@app.task(soft_time_limit=SOFT)
def soft(catches: bool) -> int:
    """How often it was interrupted, with time enough for a second one."""
    interrupted = 0
    for _ in range(2):
        try:
            nap(30 if not interrupted else 0.3)
        except SoftTimeLimitExceeded:
            interrupted += 1
            if not catches:
                raise
    return interrupted


@app.task(soft_time_limit=SOFT)
async def async_soft(catches: bool) -> int:
    interrupted = 0
    for _ in range(2):
        try:
            await asyncio.sleep(30 if not interrupted else 0.3)
        except SoftTimeLimitExceeded:
            interrupted += 1
            if not catches:
                raise
    return interrupted


@app.task(soft_time_limit=SOFT)
def soft_in_a_sleep(seconds: float) -> float:
    """After how long it was interrupted in one long call."""
    began = time.monotonic()
    try:
        time.sleep(seconds)
    except SoftTimeLimitExceeded:
        return time.monotonic() - began
    return -1.0


@app.task(soft_time_limit=0.05, max_retries=0)
def close_call(seconds: float) -> str:
    nap(seconds)
    return "in time"


@app.task(soft_time_limit=0.05, max_retries=0)
async def async_close_call(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "in time"


@app.task(soft_time_limit=1.0)
def send_for_ever() -> int:
    sent = 0
    try:
        while True:
            fine.apply_async(queue="elsewhere")
            sent += 1
    except SoftTimeLimitExceeded:
        return sent


@app.task(soft_time_limit=SOFT, time_limit=2 * HARD)
def deaf() -> None:
    while True:
        with suppress(Exception):
            nap(30)


@app.task(soft_time_limit=SOFT, time_limit=2 * HARD)
async def async_deaf() -> None:
    while True:
        with suppress(BaseException):
            await asyncio.sleep(30)


# -- hard, each in another way; all tell of it


class Telling(app.Task):
    """Writes down what its hooks hear."""

    abstract = True
    time_limit = HARD

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        tell(task_id, f"on_failure {type(exc).__name__}: {exc}")

    def after_return(self, status: str, *_: Any) -> None:
        tell("after_return", status)


def tell(name: str, line: str) -> None:
    with Path(f"{name}.told").open("a") as file:
        file.write(f"{line}\n")


@app.task(base=Telling)
def loop() -> None:
    while True:
        pass


@app.task(base=Telling)
async def async_loop() -> None:
    while True:
        pass


@app.task(base=Telling)
def sleep() -> None:
    time.sleep(3600)


@app.task(base=Telling)
async def async_sleep() -> None:
    await asyncio.sleep(3600)


@app.task(base=Telling)
async def async_block() -> None:
    time.sleep(3600)


@app.task(base=Telling)
def hold() -> None:
    """A call into C that never lets go of the GIL."""
    ctypes.PyDLL(None).sleep(3600)


@app.task(base=Telling)
async def async_hold() -> None:
    ctypes.PyDLL(None).sleep(3600)


class SlowToTell(app.Task):
    name = "limits.slow_to_tell"
    time_limit = HARD

    def run(self) -> None:
        time.sleep(3600)

    def on_failure(self, *_: Any) -> None:
        tell("slow_to_tell", "on_failure begins")
        time.sleep(3600)


# -- neighbours


@app.task
def wait_for(mark: str, gate: str) -> str:
    Path(mark).touch()
    while not Path(gate).exists():
        time.sleep(0.01)
    return "done"


@app.task
async def async_wait_for(mark: str, gate: str) -> str:
    Path(mark).touch()
    while not Path(gate).exists():
        await asyncio.sleep(0.01)
    return "done"


@app.task
def wait_long() -> None:
    time.sleep(3600)


@app.task
async def async_wait_long() -> None:
    await asyncio.sleep(3600)
