"""Where the files of a measurement lie: a fresh folder on a disk that is one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardoon.engines.sqlite.place import file_system

ROOT = Path(__file__).resolve().parents[1]
_IN_MEMORY = ("tmpfs", "ramfs")


def parent() -> Path:
    """The folder for temporary files, or the checkout where that one lies in memory."""
    usual = Path(tempfile.gettempdir())
    return ROOT if file_system(usual) in _IN_MEMORY else usual


@contextmanager
def fresh() -> Iterator[Path]:
    """An empty folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cardoon-benchmark-", dir=parent()) as folder:
        yield Path(folder)
