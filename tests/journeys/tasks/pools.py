"""Tasks that tell where they run; the journeys copy this file into a project of their own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextvars import ContextVar
from pathlib import Path

from cardoon import Cardoon, current_job, get_task_logger

app = Cardoon("pools", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")
plain_log = logging.getLogger("somebody.elses")
task_log = get_task_logger("ours")
mine: ContextVar[str] = ContextVar("mine", default="nobody's")


def place() -> str:
    return threading.current_thread().name


@app.task
def nap(seconds: float) -> None:
    time.sleep(seconds)


@app.task
def fine() -> str:
    return place()


@app.task
async def async_fine() -> str:
    return place()


@app.task(pool="solo")
def in_main() -> str:
    return place()


@app.task(pool="threads")
def in_thread() -> str:
    return place()


@app.task(pool="threads")
async def async_in_thread() -> str:
    return place()


@app.task(pool="async")
async def async_on_loop() -> str:
    return place()


# -- long ones


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
        await asyncio.sleep(0.05)
    return "done"


class Crowd:
    """How many coroutines wait here; all of them go on when enough are there."""

    def __init__(self) -> None:
        self.here = 0
        self.complete: asyncio.Event | None = None


crowd = Crowd()


@app.task
async def async_gather(size: int) -> int:
    crowd.complete = crowd.complete or asyncio.Event()
    crowd.here += 1
    if crowd.here == size:
        crowd.complete.set()
    await crowd.complete.wait()
    return crowd.here


@app.task
def send_gathering(size: int) -> int:
    return len(async_gather.map([size] * size))


# -- each with its own context


@app.task
def speak(name: str, seconds: float) -> list[str]:
    mine.set(name)
    plain_log.info("%s begins", name)
    time.sleep(seconds)
    task_log.info("%s goes on", name)
    time.sleep(seconds)
    return [mine.get(), current_job().id or ""]


@app.task
async def async_speak(name: str, seconds: float) -> list[str]:
    mine.set(name)
    plain_log.info("%s begins", name)
    await asyncio.sleep(seconds)
    task_log.info("%s goes on", name)
    await asyncio.create_task(_say_in_a_task_of_its_own(name))
    await asyncio.to_thread(plain_log.info, "%s in a thread", name)
    return [mine.get(), current_job().id or ""]


async def _say_in_a_task_of_its_own(name: str) -> None:
    plain_log.info("%s in a task of its own", name)


@app.task
def whose() -> str:
    return mine.get()


@app.task
async def async_whose() -> str:
    return mine.get()
