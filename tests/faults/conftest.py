"""What the tests of faults share: a folder on a quick disk, and a seed that a failure names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from .house import House, build

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def quick_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where that can be had: what a disk keeps is never asked of the real one here."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path_factory.mktemp("faults")
        return
    with TemporaryDirectory(dir=MEMORY, prefix="cardoon-") as folder:
        yield Path(folder)


@pytest.fixture
def quick_folder(quick_place: Path) -> Iterator[Path]:
    """A folder of this test's own there."""
    with TemporaryDirectory(dir=quick_place) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def house(quick_place: Path) -> House:
    folder = quick_place / "house"
    folder.mkdir()
    return build(folder)


@pytest.fixture
def seed() -> int:
    """Of this run, or that of an earlier one by CARDOON_TEST_SEED."""
    given = int(os.environ.get("CARDOON_TEST_SEED") or secrets.randbelow(1_000_000))
    print(f"CARDOON_TEST_SEED={given}")
    return given
