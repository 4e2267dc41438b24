"""The disk is full, or broken, at each write and each sync of each verb.

The verb says so and wrote nothing; what is there can be looked at; when the disk is well again the same
engine goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon.engines.sqlite import connection
from cardoon.model import clock

from .broken_disk import FULL, KINDS, Shelf, Trouble
from .cases import CASES, Case
from .house import House
from .still import StillClock

WRITING = [case for case in CASES if not case.closed and case.verb != "close"]


@pytest.fixture
def shelf(house: House, quick_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Engines write to disks of ours, and each commit checkpoints: it writes all there is to write."""
    shelf = Shelf(quick_folder, house)
    monkeypatch.setattr(connection, "sqlite3", shelf.driver)
    monkeypatch.setattr(connection, "CHECKPOINT_PAGES", 1)
    with clock.use(StillClock(house.now)):
        yield shelf
    shelf.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", WRITING, ids=lambda case: case.name)
def test_a_disk_in_trouble_loses_nothing(case: Case, kind: str, shelf: Shelf) -> None:
    whole = shelf.whole(case)
    wrong = []
    for number, (operation, name) in enumerate(whole.operations):
        if kind == FULL and operation != "write":
            continue
        try:
            shelf.fail(case, whole, Trouble(number, kind))
        except AssertionError as error:
            where = f"operation {number + 1} of {len(whole.operations)} ({operation} {name})"
            wrong.append(f"{case.name}: {kind}, {where}: {error}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
