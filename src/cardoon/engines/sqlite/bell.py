"""A bell that wakes sleeping processes: a file that is written to, watched by the kernel for them.

A ring costs one system call whether anybody listens or not, leaves nothing to clean up, and cannot
be blocked by a listener. Where there is no inotify a listener looks again every few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from cardoon.engines.forks import heed
from cardoon.engines.readable import drain
from cardoon.engines.sqlite.place import touch
from cardoon.model.errors import EngineError, EngineUnavailable

_IN_MODIFY = 0x2
_NAP_SECONDS = 0.02


class Bell:
    """One bell of an engine; `ring` it after the commit that somebody may wait for.

    A forked process has ears of its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()
        heed(self)

    def _forget(self) -> None:
        self._owed = False
        self._mutex = threading.Lock()
        self._descriptor = -1
        self._resting: deque[Ear] = deque()
        self._listening: set[Ear] = set()

    def ring(self) -> None:
        """Wake all that listen, in every process."""
        # After a commit nothing may raise: it stands, and a ring is a hint, as sleepers look by themselves.
        with self._mutex, suppress(OSError, EngineError):
            if self._descriptor < 0:
                touch(self.path)
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            os.pwrite(self._descriptor, b"!", 0)

    def wake(self) -> None:
        """Wake those that listen through this object, and tell them so; safe in a signal handler."""
        self._owed = True
        for ear in list(self._listening):
            ear.wake()

    @contextmanager
    def listen(self) -> Generator[Ear, None, None]:
        """An ear that hears every ring from now on.

        Ears are kept: to close an inotify descriptor takes the kernel more than 10 ms.
        """
        ear = self._ear()
        ear.begin()
        self._listening.add(ear)
        ear.woken, self._owed = self._owed or ear.woken, False
        try:
            yield ear
        finally:
            self._listening.discard(ear)
            self._resting.append(ear)

    def _ear(self) -> Ear:
        try:
            return self._resting.pop()
        except IndexError:
            return self._new_ear()

    def _new_ear(self) -> Ear:
        touch(self.path)
        try:
            return Ear(self.path)
        except OSError as error:
            raise EngineUnavailable(
                f"{self.path} cannot be listened to: {error.strerror}; see `ulimit -n`"
            ) from error

    def close(self) -> None:
        """Let go of the file and of all ears that rest."""
        with self._mutex:
            self._let_go()

    def _let_go(self) -> None:
        while self._resting:
            self._resting.pop().close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def before_fork(self) -> None:
        """Nothing to wait for: what other threads do with a bell does not outlive them in a child."""

    def after_fork(self) -> None:
        """Nobody was kept out."""

    def forked(self) -> None:
        """See `Forkable`."""
        self._let_go()
        self._forget()


class Ear:
    """Hears rings. `woken` once somebody ended this wait early."""

    def __init__(self, path: Path) -> None:
        self.woken = False
        self._wake_reader, self._wake_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._rings = _watch(path)

    def begin(self) -> None:
        """Forget what was heard before."""
        self.woken = False
        for descriptor in (self._rings, self._wake_reader):
            _drain(descriptor)

    def wait(self, timeout: float) -> None:
        """Sleep until a ring, until woken, or for `timeout` seconds."""
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        if self._rings >= 0:
            poll.register(self._rings, select.POLLIN)
        else:
            timeout = min(timeout, _NAP_SECONDS)
        # poll() takes whole milliseconds: rounded up, or a wait of 0.4 ms would spin.
        if poll.poll(max(0, int(timeout * 1000 + 0.999))):
            _drain(self._rings)

    def wake(self) -> None:
        """End this wait, or the next one if none is under way."""
        self.woken = True
        os.write(self._wake_writer, b"!")

    def close(self) -> None:
        """Let go of its descriptors."""
        for descriptor in (self._wake_reader, self._wake_writer, self._rings):
            if descriptor >= 0:
                os.close(descriptor)


def _drain(descriptor: int) -> None:
    if descriptor >= 0:
        drain(descriptor)


def _watch(path: Path) -> int:
    """An inotify descriptor on the file; -1 where there is none to be had."""
    if not sys.platform.startswith("linux"):
        return -1
    libc = ctypes.CDLL(None)
    descriptor = int(libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
    if descriptor < 0:
        return -1
    if libc.inotify_add_watch(descriptor, os.fsencode(path), _IN_MODIFY) < 0:
        os.close(descriptor)
        return -1
    return descriptor
