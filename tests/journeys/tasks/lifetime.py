"""Tasks that tell which process runs them; the journeys copy this file into a project of their own."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from cardoon import Cardoon

app = Cardoon("lifetime", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")
kept: list[bytearray] = []


@app.task
def fine() -> int:
    return os.getpid()


@app.task
async def async_fine() -> int:
    return os.getpid()


@app.task
def keep(megabytes: int) -> int:
    """As a leak does."""
    kept.append(bytearray(b"x") * (megabytes * 2**20))
    return os.getpid()


@app.task
async def async_keep(megabytes: int) -> int:
    return keep(megabytes)


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
