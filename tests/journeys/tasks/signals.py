"""Tasks for a worker that gets signals; the journeys copy this file into a project of their own."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from cardoon import Cardoon
from cardoon.exceptions import SoftTimeLimitExceeded

app = Cardoon("signals", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")

if Path("import_slowly").exists():
    Path("importing").touch()
    time.sleep(3600)


@app.task
def fine() -> int:
    return os.getpid()


@app.task
async def async_fine() -> int:
    return os.getpid()


@app.task
def short(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@app.task
async def async_short(seconds: float) -> int:
    await asyncio.sleep(seconds)
    return os.getpid()


@app.task
def wait_for(mark: str, gate: str) -> int:
    Path(mark).touch()
    while not Path(gate).exists():
        time.sleep(0.01)
    return os.getpid()


@app.task
async def async_wait_for(mark: str, gate: str) -> int:
    Path(mark).touch()
    while not Path(gate).exists():
        await asyncio.sleep(0.01)
    return os.getpid()


@app.task
def hold(mark: str) -> None:
    """Holds the interpreter inside C."""
    Path(mark).touch()
    ctypes.PyDLL(None).sleep(3600)


@app.task
async def async_hold(mark: str) -> None:
    Path(mark).touch()
    ctypes.PyDLL(None).sleep(3600)


@app.task
def deafen() -> None:
    """Takes every signal away from the worker that can be taken."""
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        with suppress(ValueError):  # only the main thread may
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})


@app.task(soft_time_limit=0.2)
def soft() -> str:
    with suppress(SoftTimeLimitExceeded):
        for _ in range(3000):
            time.sleep(0.01)
        return "never"
    return "interrupted"


@app.task(soft_time_limit=0.2)
async def async_soft() -> str:
    with suppress(SoftTimeLimitExceeded):
        await asyncio.sleep(30)
        return "never"
    return "interrupted"
