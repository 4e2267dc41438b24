"""Other programs that write to the file, and rows that stand in the way of a sweep."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cardoon.engines.sqlite import liveness
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.model.message import Message
from cardoon.testing.conformance.clockwork import MovableClock


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    made = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db?profile=fast&retention=60")
    made.open()
    yield made
    made.close()


@pytest.fixture
def stranger(engine: SqliteEngine) -> Iterator[sqlite3.Connection]:
    """A program that knows nothing of the turn in which Cardoon's own writers write."""
    connection = sqlite3.connect(engine.path, isolation_level=None)
    yield connection
    connection.close()


def test_a_stranger_that_writes_is_waited_for(
    engine: SqliteEngine, stranger: sqlite3.Connection, until: Callable[[Callable[[], object]], object]
) -> None:
    """Also by a verb that reads before it writes: what it read may be old when the stranger is done."""
    statements: list[str] = []
    answers: list[object] = []

    def acquire() -> None:
        engine._files._connection().set_trace_callback(statements.append)
        try:
            answers.append(engine.acquire("lock", "ada"))
        except EngineError as error:
            answers.append(error)

    stranger.execute("BEGIN IMMEDIATE")
    stranger.execute("INSERT INTO queues (name) VALUES ('of a stranger')")
    asking = threading.Thread(target=acquire)
    asking.start()
    until(lambda: any(text.startswith(("BEGIN IMMEDIATE", "delete")) for text in statements))
    stranger.execute("COMMIT")
    asking.join()
    assert answers == [1]


def test_the_sweep_walks_past_what_stays(
    engine: SqliteEngine, stranger: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many jobs that are to be kept stand before it, an old one is found."""
    monkeypatch.setattr(liveness, "_WINDOW", 10)
    messages = [Message(id=clock.new_id(), task="shop.resize") for _ in range(25)]
    engine.push(messages)
    stranger.execute(
        "UPDATE jobs SET state = 'succeeded', finished = created - 3600 WHERE id = ?", (messages[-1].id,)
    )
    source = MovableClock()
    with clock.use(source):
        forgotten = []
        for _ in range(4):
            forgotten.append(engine.sweep().forgotten)
            source.live(10)
    assert sum(forgotten) == 1
    assert engine.result(messages[-1].id) is None
