"""The application whose jobs are measured; workers import it by its name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.place import Place
from cardoon import Cardoon

app = Cardoon("benchmarks", set_as_current=False)


@app.task
def add(x: int, y: int) -> int:
    """Next to nothing, with a result to store."""
    return x + y


@app.task
async def add_async(x: int, y: int) -> int:
    """The same as a coroutine."""
    return x + y


@app.task
def nap(seconds: float) -> None:
    """Wait as a call to another machine does: the thread sleeps."""
    time.sleep(seconds)


@app.task
async def nap_async(seconds: float) -> None:
    """The same as a coroutine: only the job sleeps."""
    import asyncio  # here: as an application, this one has no other use for it

    await asyncio.sleep(seconds)


@app.task
def hold(file: str, seconds: float) -> None:
    """The first attempt writes there which process runs it, and stays; the next returns at once."""
    path = Path(file)
    if not path.exists():
        path.write_text(f"{os.getpid()}\n")
        time.sleep(seconds)


@contextmanager
def stored_in(place: Place, profile: str = "durable") -> Iterator[Cardoon]:
    """The application with its jobs in this place."""
    app.conf.update(url=place.address(profile))
    app.engine.open()
    try:
        yield app
    finally:
        app.close()
