"""How sleepers are woken: one connection of an engine object listens for all of them, in a thread.

A notice is a hint and the tables are the truth: sleepers look by themselves once a second. While somebody
sleeps the listening session holds a lock that tells senders so; without it they send nothing.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import psycopg

from cardoon.engines.forks import heed
from cardoon.engines.postgres.connection import Connection, leave_to_parent
from cardoon.model import clock
from cardoon.model.errors import EngineError

READY, DONE = 1, 2
"""The kinds of notices: there may be something to claim; jobs have ended."""

PING_SECONDS = 5.0
"""A listening session that says nothing for so long is asked whether it lives."""
_PAUSE_SECONDS = 0.5


class Ear:
    """Somebody who sleeps: `woken` once that was ended early, `heard` once there is news of what is `wanted`.

    `wanted` are queues, or jobs by their ids; None is all of them.
    """

    def __init__(self) -> None:
        self.woken = False
        self.heard = False
        self.wanted: frozenset[str] | None = None
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def begin(self, wanted: frozenset[str] | None) -> None:
        """Forget what was heard before."""
        self.woken, self.heard, self.wanted = False, False, wanted
        _drain(self._reader)

    def ring(self) -> None:
        """End this sleep, or the next one if none is under way; safe in a signal handler."""
        with suppress(BlockingIOError, OSError):
            os.write(self._writer, b"!")

    def wait(self, timeout: float) -> bool:
        """Sleep until a ring, or for `timeout` seconds; whether it rang."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        # poll() takes whole milliseconds: rounded up, or a wait of 0.4 ms would spin.
        rang = bool(poll.poll(max(0, int(timeout * 1000 + 0.999))))
        _drain(self._reader)
        return rang

    def close(self) -> None:
        """Let go of its descriptors."""
        os.close(self._reader)
        os.close(self._writer)


class Listener:
    """The ears of an engine object, and the session that listens for them, made when first needed."""

    def __init__(
        self, connect: Callable[[], Connection], lock: Callable[[], int], hears: Callable[[], bool]
    ) -> None:
        self._connect = connect
        self._lock_number = lock
        self._hears = hears
        self._forget()
        heed(self)

    def _forget(self) -> None:
        self._mutex = threading.Lock()
        self._resting: list[Ear] = []
        self._ears: dict[int, set[Ear]] = {READY: set(), DONE: set()}
        self._owed = {READY: False, DONE: False}
        self._marked: set[int] = set()
        self._thread: threading.Thread | None = None
        self._session: Connection | None = None
        self._call: Ear | None = None

    @contextmanager
    def listen(self, kind: int, wanted: frozenset[str] | None = None) -> Generator[Ear]:
        """An ear that hears every notice of this kind from now on, or rings as soon as it does."""
        ear = self._resting.pop() if self._resting else Ear()
        ear.begin(wanted)
        with self._mutex:
            self._ears[kind].add(ear)
            is_marked = kind in self._marked
        if not is_marked and self._hears():
            self._start()
        ear.woken, self._owed[kind] = self._owed[kind] or ear.woken, False
        try:
            yield ear
        finally:
            with self._mutex:
                self._ears[kind].discard(ear)
            self._resting.append(ear)

    def wake(self) -> None:
        """End the sleep of all, and tell them so; safe in a signal handler."""
        for kind, ears in self._ears.items():
            self._owed[kind] = True
            for ear in list(ears):
                ear.woken = True
                ear.ring()

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None:
                self._call = Ear()
                self._thread = threading.Thread(
                    target=self._run, args=(self._call,), name="cardoon-listener", daemon=True
                )
                self._thread.start()
            elif self._call is not None:
                self._call.ring()

    # -- the thread

    def _run(self, call: Ear) -> None:
        while not call.woken:
            try:
                session = self._connect()
            except EngineError:
                call.wait(_PAUSE_SECONDS)
                continue
            self._session = session
            try:
                self._serve(session, call)
            except (psycopg.Error, OSError, EngineError):
                call.wait(clock.full_jitter(_PAUSE_SECONDS))
            finally:
                self._marked.clear()
                self._session = None
                with suppress(psycopg.Error, OSError):
                    session.close()
        call.close()

    def _serve(self, session: Connection, call: Ear) -> None:
        number = self._lock_number()
        session.add_notify_handler(lambda notice: self._heard(notice.payload))
        session.execute(f'LISTEN "cardoon:{number}"'.encode())
        poll = select.poll()
        for descriptor in (session.fileno(), call._reader):
            poll.register(descriptor, select.POLLIN)
        held: set[int] = set()
        while not call.woken:
            self._mark(session, number, held)
            if not poll.poll(PING_SECONDS * 1000):
                session.execute("SELECT 1")
                continue
            _drain(call._reader)
            session.pgconn.consume_input()
            while (notice := session.pgconn.notifies()) is not None:
                self._heard(notice.extra.decode())

    def _mark(self, session: Connection, number: int, held: set[int]) -> None:
        """Hold the lock of each kind that somebody sleeps for, and let go of one that is unwanted by now."""
        for kind, ears in self._ears.items():
            if ears and kind not in self._marked:
                if kind not in held:
                    session.execute("SELECT pg_advisory_lock_shared(%s, %s)", [number, kind])
                    held.add(kind)
                self._marked.add(kind)
                self._ring(kind)
            elif kind in held and kind not in self._marked:
                session.execute("SELECT pg_advisory_unlock_shared(%s, %s)", [number, kind])
                held.discard(kind)

    def _ring(self, kind: int, about: frozenset[str] = frozenset()) -> None:
        with self._mutex:
            ears = list(self._ears[kind])
            if not ears:
                # Nobody sleeps, and yet it was sent: from now on it is not. Who comes meanwhile marks anew.
                self._marked.discard(kind)
        for ear in ears:
            if not about or ear.wanted is None or not ear.wanted.isdisjoint(about):
                ear.heard = ear.heard or bool(about)
                ear.ring()

    def _heard(self, payload: str) -> None:
        kind = READY if payload.startswith("r") else DONE
        self._ring(kind, frozenset(payload[1:].split("\n")) if len(payload) > 1 else frozenset())

    # -- ends

    def close(self) -> None:
        """End the session and its thread."""
        with self._mutex:
            call, thread, self._thread = self._call, self._thread, None
            self._call = None
        if call is not None:
            call.woken = True
            call.ring()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PAUSE_SECONDS * 4)
        while self._resting:
            self._resting.pop().close()

    def before_fork(self) -> None:
        """See `Forkable`: nothing of the listening thread outlives a fork in the child."""
        self._mutex.acquire()

    def after_fork(self) -> None:
        """See `Forkable`."""
        self._mutex.release()

    def forked(self) -> None:
        """See `Forkable`."""
        if self._session is not None:
            leave_to_parent(self._session)
        while self._resting:
            self._resting.pop().close()
        if self._call is not None:
            self._call.close()
        self._forget()


def _drain(descriptor: int) -> None:
    with suppress(BlockingIOError, OSError):
        while len(os.read(descriptor, 4096)) == 4096:
            pass
