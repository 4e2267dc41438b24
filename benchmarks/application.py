"""The application whose jobs are measured; workers import it by its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardoon import Cardoon

app = Cardoon("benchmarks", set_as_current=False)


@app.task
def add(x: int, y: int) -> int:
    """Next to nothing, with a result to store."""
    return x + y


def url(folder: Path, profile: str = "durable") -> str:
    """The address of a file in this folder."""
    return f"sqlite:///{folder / 'jobs.db'}?profile={profile}"


@contextmanager
def stored_in(folder: Path, profile: str = "durable") -> Iterator[Cardoon]:
    """The application with its jobs in this folder."""
    app.conf.update(url=url(folder, profile))
    app.engine.open()
    try:
        yield app
    finally:
        app.close()
