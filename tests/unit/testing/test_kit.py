"""What the kit of faults says where it cannot help."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from cardoon.model.errors import CardoonError
from cardoon.testing import faults


def entered(block: Any) -> None:
    with block:
        pass


NEEDS_LINUX: dict[str, Callable[[], object]] = {
    "worker": lambda: faults.Worker("tasks:app"),
    "children": lambda: faults.children_of(1),
    "memory": lambda: entered(faults.memory_limit(2**30)),
    "files": lambda: entered(faults.file_limit(100)),
    "group": lambda: entered(faults.memory_group(2**30)),
    "disk": lambda: entered(faults.small_disk(2**20)),
    "clock": lambda: entered(faults.wall_clock()),
}


@pytest.mark.parametrize("fault", NEEDS_LINUX)
def test_elsewhere_each_fault_is_refused_with_the_reason(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(faults.CannotInject, match="needs Linux, this is darwin"):
        NEEDS_LINUX[fault]()


def test_a_process_that_is_gone_can_be_told_anything() -> None:
    gone = 2**22 + 1  # larger than any pid may be
    assert not faults.lives(gone)
    assert faults.family_of(gone) == [gone]
    faults.kill(gone)
    faults.stop_for(0.0, gone)


def test_everything_that_the_kit_offers_is_documented() -> None:
    assert [name for name in faults.__all__ if not getattr(faults, name).__doc__] == []
    assert issubclass(faults.CannotInject, CardoonError)
    assert issubclass(faults.WorkerTrouble, CardoonError)
