"""A fork happens while no other thread is within an engine.

A child gets the memory of such a thread without the thread: its locks, and those that SQLite counts for
it, would never be free there again.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

from cardoon.engines.contract import CALL_SECONDS
from cardoon.model import clock

_LOOK_SECONDS = 0.000_5


class Forkable(Protocol):
    """What lies behind an engine object and must be in order when its process forks."""

    def before_fork(self) -> None:
        """Wait, for a bounded time, until no other thread is within, and let none in."""
        ...

    def after_fork(self) -> None:
        """In the parent: let the other threads go on."""
        ...

    def forked(self) -> None:
        """In the child, before it has threads: let go of what is the parent's, and begin anew."""
        ...


class Gate:
    """Threads go in and out; while it is closed those outside wait. To pass it costs no system call."""

    def __init__(self) -> None:
        self._inside: dict[int, int] = {}
        self._closers = 0
        self._change = threading.Condition()

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._closers and me not in self._inside:
            with self._change:
                self._change.wait_for(lambda: not self._closers, CALL_SECONDS)
        self._inside[me] = self._inside.get(me, 0) + 1

    def __exit__(self, *_: object) -> None:
        me = threading.get_ident()
        self._inside[me] -= 1
        if not self._inside[me]:
            del self._inside[me]

    def close(self) -> None:
        """Let nobody in, and wait until everybody else is out; at most `CALL_SECONDS`."""
        with self._change:
            self._closers += 1
        me, deadline = threading.get_ident(), clock.monotonic() + CALL_SECONDS
        while any(thread != me for thread in list(self._inside)) and clock.monotonic() < deadline:
            clock.sleep(_LOOK_SECONDS)

    def open(self) -> None:
        """Let everybody in, unless somebody else closed it too."""
        with self._change:
            self._closers -= 1
            self._change.notify_all()


_all: weakref.WeakSet[Forkable] = weakref.WeakSet()


def heed(part: Forkable) -> None:
    """From now on, for as long as it lives, no fork finds another thread within this part."""
    _all.add(part)


def _parts() -> list[Forkable]:
    """In one order for all, so that two threads that fork do not wait for each other."""
    return sorted(_all, key=id)


def _before() -> None:
    for part in _parts():
        part.before_fork()


def _after() -> None:
    for part in _parts():
        part.after_fork()


def _in_child() -> None:
    for part in _parts():
        part.forked()


os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
