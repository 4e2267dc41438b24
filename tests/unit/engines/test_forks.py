"""What a forked process takes from its parent's engine object, and what it leaves to it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cardoon.engines.sqlite.bell import Ear
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.engines.urls import connect
from cardoon.model import clock
from cardoon.model.job import Filter
from cardoon.model.message import Message
from cardoon.model.states import State

PATIENCE = 60
"""Seconds after which a child that got stuck is ended."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    made = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db?profile=fast")
    made.open()
    yield made
    made.close()


def message() -> Message:
    return Message(id=clock.new_id(), task="shop.resize")


def in_a_child(fact: Callable[[], bool]) -> bool:
    """Whether the fact holds in a forked process."""
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)
        try:
            os._exit(0 if fact() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def descriptors(ear: Ear) -> tuple[int, ...]:
    return ear._rings, ear._wake_reader, ear._wake_writer


def test_a_child_has_ears_of_its_own_and_leaves_those_of_its_parent_alone(engine: SqliteEngine) -> None:
    assert not engine.wait(None, 0.0)
    (ear,) = engine._ready._resting
    assert in_a_child(lambda: not engine._ready._resting and not any(map(is_open, descriptors(ear))))
    assert all(map(is_open, descriptors(ear)))


def test_a_child_sleeps_until_its_parent_rings(engine: SqliteEngine) -> None:
    engine.wait(None, 0.0)
    pushing = threading.Timer(0.05, engine.push, args=([message()],))
    pushing.start()
    assert in_a_child(lambda: engine.wait(None, 20.0) and len(engine.claim("child", None, 5)) == 1)
    pushing.join()
    assert engine.count()["celery"][State.RUNNING] == 1


def test_a_parent_hears_what_its_child_pushes(engine: SqliteEngine) -> None:
    engine.wait(None, 0.0)
    heard: list[bool] = []
    waiting = threading.Thread(target=lambda: heard.append(engine.wait(None, 20.0)))
    waiting.start()
    assert in_a_child(lambda: engine.push([message()]) == [True])
    waiting.join()
    assert heard == [True]


def test_a_child_may_close_the_engine_and_its_parent_goes_on(engine: SqliteEngine) -> None:
    def closes() -> bool:
        engine.close()
        return engine.push([message()]) == [True]

    engine.push([message()])
    assert in_a_child(closes)
    assert engine.push([message()]) == [True]
    assert engine.count()["celery"][State.READY] == 3


@pytest.mark.parametrize("scheme", ["memory", "sqlite"])
def test_a_fork_waits_until_no_other_thread_is_within(scheme: str, tmp_path: Path) -> None:
    """Else the child has the locks of such a thread, and those that SQLite counts for it, for ever."""
    engine = connect("memory://" if scheme == "memory" else f"sqlite:///{tmp_path}/jobs.db?profile=fast")
    stop = threading.Event()
    engine.push([message() for _ in range(500)])

    def write() -> None:
        while not stop.is_set():
            engine.push([message()])

    def read() -> None:
        while not stop.is_set():
            engine.find(Filter(), limit=500)

    threads = [threading.Thread(target=work) for work in (write, write, read, read)]
    for thread in threads:
        thread.start()
    try:
        assert all(in_a_child(lambda: engine.push([message()]) == [True]) for _ in range(20))
        assert in_a_child(lambda: len(engine.find(Filter(), limit=500).jobs) == 500)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    engine.close()


def test_threads_may_fork_at_the_same_moment(engine: SqliteEngine) -> None:
    answers: list[bool] = []

    def forks() -> None:
        answers.append(in_a_child(lambda: engine.push([message()]) == [True]))

    threads = [threading.Thread(target=forks) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 4
    assert engine.count()["celery"][State.READY] == 4
