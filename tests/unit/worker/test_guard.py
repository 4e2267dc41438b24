"""The guard over calls to the engine that neither answer nor fail."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from specimens import StillClock

from cardoon.worker.guard import REBUILD_SECONDS, STUCK_SECONDS, Guard

Until = Callable[..., object]


@pytest.fixture
def closed() -> list[str]:
    """Who closed the connection, as often as that happened."""
    return []


@pytest.fixture
def guard(closed: list[str], still: StillClock) -> Guard:
    return Guard(lambda: closed.append(threading.current_thread().name))


def test_between_calls_nothing_happens(guard: Guard, closed: list[str], still: StillClock) -> None:
    still.moment += 1_000
    guard.look()
    assert closed == []


def test_a_call_that_lasts_has_its_connection_closed_once(
    guard: Guard, closed: list[str], still: StillClock, until: Until
) -> None:
    guard.since = still.moment
    still.moment += REBUILD_SECONDS - 1
    guard.look()
    assert closed == []
    for _ in range(3):
        still.moment += 2
        guard.look()
    until(lambda: closed == ["cardoon-close"])


def test_each_call_is_counted_from_its_own_beginning(
    guard: Guard, closed: list[str], still: StillClock, until: Until
) -> None:
    for calls in (1, 2):
        guard.since = still.moment
        still.moment += REBUILD_SECONDS + 1
        guard.look()
        until(lambda calls=calls: len(closed) == calls)


def test_closing_that_does_not_come_back_either_holds_up_nobody(still: StillClock, until: Until) -> None:
    go_on = threading.Event()
    guard = Guard(lambda: go_on.wait(20))
    guard.since = still.moment
    still.moment += REBUILD_SECONDS + 1
    guard.look()
    guard.look()
    go_on.set()


STUCK = """
from cardoon.worker.guard import Guard
from cardoon.model import clock
guard = Guard(lambda: None)
guard.since = clock.monotonic() - {seconds}
guard.look()
print("lives")
"""


@pytest.mark.parametrize(("beyond", "code"), [(1, 74), (1 - STUCK_SECONDS, 0)])
def test_a_process_that_waits_too_long_ends_with_74_and_shows_where(beyond: float, code: int) -> None:
    text = STUCK.format(seconds=STUCK_SECONDS + beyond)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == code
    assert ("lives" in done.stdout) is (code == 0)
    assert ("Current thread" in done.stderr) is (code != 0)
