"""Many hands at once: processes where the engine is shared, threads where it is not."""

from __future__ import annotations

import multiprocessing
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Protocol

from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.testing.conformance.facts import Broken

Work = Callable[..., Any]
"""A function of a module: `work(engine, hand, *args)`; hands are numbered from 0."""

ANSWER_SECONDS = 60.0


class Hands(Protocol):
    """Do a piece of work several times at the same moment, each hand as much on its own as can be."""

    def together(self, count: int, work: Work, args: tuple[Any, ...]) -> list[Any]:
        """What each of `count` hands answers, by number."""
        ...


class Threads:
    """Hands of one engine object."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def together(self, count: int, work: Work, args: tuple[Any, ...]) -> list[Any]:
        """See `Hands.together`."""
        start = threading.Barrier(count)

        def do(hand: int) -> Any:
            start.wait(ANSWER_SECONDS)
            return work(self._engine, hand, *args)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(do, range(count)))


class Hand:
    """A process of its own that opens engines by their URL. It lives on from work to work."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def prepare(self, url: str, work: Work, hand: int, args: tuple[Any, ...]) -> None:
        """Tell it what to do; it opens the engine and waits for `go`."""
        self._line.send((url, work, hand, args))

    def ready(self) -> None:
        """Wait until it has opened the engine."""
        self.answer()

    def go(self) -> None:
        """Let it begin."""
        self._line.send("go")

    def answer(self) -> Any:
        """What its work returned; an error of it is raised here as `Broken`, with its traceback."""
        if not self._line.poll(ANSWER_SECONDS):
            raise Broken(f"a process did not answer within {ANSWER_SECONDS:g} s")
        failed, value = self._line.recv()
        if failed:
            raise Broken(f"in another process:\n{value}")
        return value

    def begin(self, url: str, work: Work, *args: Any) -> None:
        """Start a piece of work and go on."""
        self.prepare(url, work, 0, args)
        self.ready()
        self.go()

    def kill(self) -> None:
        """End it by SIGKILL, at whatever it is doing."""
        self._process.kill()
        self._process.join(ANSWER_SECONDS)
        self._line.close()
        self._process.close()


class Crew:
    """Keeps processes alive from law to law, since starting one takes longer than most laws."""

    def __init__(self) -> None:
        self._idle: list[Hand] = []

    def together(self, url: str, count: int, work: Work, args: tuple[Any, ...]) -> list[Any]:
        """See `Hands.together`; each opens the engine of this URL for itself."""
        hands = [self.hire() for _ in range(count)]
        try:
            for number, hand in enumerate(hands):
                hand.prepare(url, work, number, args)
            for step in (Hand.ready, Hand.go):
                for hand in hands:
                    step(hand)
            answers = [hand.answer() for hand in hands]
        except BaseException:
            for hand in hands:
                hand.kill()
            raise
        self._idle += hands
        return answers

    def hire(self) -> Hand:
        """A process that has nothing to do, for its caller to kill."""
        return self._idle.pop() if self._idle else Hand()

    def close(self) -> None:
        """End all of them."""
        while self._idle:
            self._idle.pop().kill()


class Processes:
    """Hands in processes of their own, on the engine of one URL."""

    def __init__(self, crew: Crew, url: str) -> None:
        self._crew = crew
        self._url = url

    def together(self, count: int, work: Work, args: tuple[Any, ...]) -> list[Any]:
        """See `Hands.together`."""
        return self._crew.together(self._url, count, work, args)


def _serve(line: Connection) -> None:
    """The life of a process: open, say so, wait for the word, work, answer, and again."""
    while True:
        try:
            line.send(_answer(partial(_do, line, *line.recv())))
        except (EOFError, OSError):
            return


def _do(line: Connection, url: str, work: Work, hand: int, args: tuple[Any, ...]) -> Any:
    engine = connect(url)
    try:
        engine.open()
        line.send((False, None))
        line.recv()
        return work(engine, hand, *args)
    finally:
        engine.close()


def _answer(work: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return False, work()
    except Exception:
        return True, traceback.format_exc()
