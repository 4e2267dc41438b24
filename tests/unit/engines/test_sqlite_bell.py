"""Who sleeps on SQLite is woken by the bell, and without it looks by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon.engines.sqlite.bell import Ear
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.engines.sqlite.rows import RECHECK_SECONDS
from cardoon.model import clock
from cardoon.model.message import Message

PATIENCE = 20 * RECHECK_SECONDS


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    made = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db?profile=fast")
    made.open()
    yield made
    made.close()


def seconds_of_sleep_after_a_push(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> float:
    """From the push of a job to the end of a `wait` that sleeps when the push begins."""
    asleep = threading.Event()
    sleep = Ear.wait

    def told(ear: Ear, timeout: float) -> None:
        asleep.set()
        sleep(ear, timeout)

    with monkeypatch.context() as patched:
        patched.setattr(Ear, "wait", told)
        waiter = threading.Thread(target=engine.wait, args=(None, PATIENCE))
        waiter.start()
        assert asleep.wait(PATIENCE)
        begun = clock.monotonic()
        engine.push([Message(id=clock.new_id(), task="shop.resize")])
        waiter.join()
    assert len(engine.claim("ada", None, 1)) == 1
    return clock.monotonic() - begun


def test_a_push_wakes_at_once(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a few tries one must be far quicker than a look, as the machine may be busy."""
    seconds: list[float] = []
    while len(seconds) < 5 and not any(one < RECHECK_SECONDS / 4 for one in seconds):
        seconds.append(seconds_of_sleep_after_a_push(engine, monkeypatch))
    assert min(seconds) < RECHECK_SECONDS / 4, seconds


def test_who_hears_nothing_looks_by_itself(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine._ready, "ring", lambda: None)
    assert seconds_of_sleep_after_a_push(engine, monkeypatch) < PATIENCE - RECHECK_SECONDS
