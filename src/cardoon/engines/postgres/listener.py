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
from cardoon.engines.readable import drain, readable
from cardoon.model import clock
from cardoon.model.errors import EngineError

READY, DONE = 1, 2
"""The kinds of notices, each with a channel: there may be something to claim; jobs have ended."""

PING_SECONDS = 5.0
"""A listening session that says nothing for so long is asked whether it lives."""
_PAUSE_SECONDS = 0.5


RECHECK_SECONDS = 1.0
"""A notice is a hint and the tables are the truth: whoever sleeps looks that often anyway."""
POLL_SECONDS = 0.1
"""The same behind a pooler, through which no notice comes."""
_FIRST_LOOK_SECONDS = 0.01


class Pauses:
    """How long somebody sleeps before looking: a moment at first, since who was committing when it lay down
    sends it nothing, then longer each time.
    """

    def __init__(self, pooled: bool) -> None:
        self._longest = POLL_SECONDS if pooled else RECHECK_SECONDS
        self.next = _FIRST_LOOK_SECONDS

    def over(self, rang: bool) -> None:
        """One is over, by a ring or by itself."""
        self.next = _FIRST_LOOK_SECONDS if rang else min(5 * self.next, self._longest)


class Ear:
    """Somebody who sleeps: `woken` once that was ended early, `heard` once there is news of what is `wanted`.

    `wanted` are queues, or jobs by their ids; None is all of them. `until` is set where somebody looked after
    it began to listen, and found nothing: when (monotonic) the next job falls due.
    """

    def __init__(self) -> None:
        self.woken = False
        self.heard = False
        self.wanted: frozenset[str] | None = None
        self.until: float | None = None
        self._rung = False
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def begin(self, wanted: frozenset[str] | None) -> None:
        """Forget what was heard before."""
        self.heard, self.wanted, self.until = False, wanted, None
        if self._rung:
            self._rung = False
            _drain(self._reader)

    def ring(self) -> None:
        """End this sleep, or the next one if none is under way; safe in a signal handler."""
        self._rung = True
        with suppress(BlockingIOError, OSError):
            os.write(self._writer, b"!")

    def wait(self, timeout: float) -> bool:
        """Sleep until a ring, or for `timeout` seconds; whether it rang."""
        if not readable((self._reader,), timeout):
            return False
        self._rung = False
        _drain(self._reader)
        return True

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
        self._early: dict[tuple[int, int], Ear] = {}
        self._marked: set[int] = set()
        self._notices = {READY: 0, DONE: 0}
        self._thread: threading.Thread | None = None
        self._session: Connection | None = None
        self._call: Ear | None = None

    @contextmanager
    def listen(self, kind: int, wanted: frozenset[str] | None = None) -> Generator[Ear]:
        """An ear that hears every notice of this kind from now on, or rings as soon as it does."""
        ear = self._early.pop((threading.get_ident(), kind), None)
        if ear is None or ear.wanted != wanted:
            self._release(kind, ear)
            ear = self._lay(kind, wanted)
        ear.woken, self._owed[kind] = self._owed[kind] or ear.woken, False
        try:
            yield ear
        finally:
            self._release(kind, ear)

    def listen_early(self, kind: int, wanted: frozenset[str] | None = None) -> Ear | None:
        """The ear of this thread's next `listen`, hearing from now on; None where nothing is heard yet."""
        if kind not in self._marked:
            return None
        self.cease(kind)
        ear = self._early[threading.get_ident(), kind] = self._lay(kind, wanted)
        return ear

    def cease(self, kind: int) -> None:
        """Let go of what `listen_early` gave to this thread."""
        ear = self._early.pop((threading.get_ident(), kind), None)
        if ear is not None:
            self._owed[kind] = self._owed[kind] or ear.woken
            self._release(kind, ear)

    def _lay(self, kind: int, wanted: frozenset[str] | None) -> Ear:
        ear = self._resting.pop() if self._resting else Ear()
        ear.woken = False
        ear.begin(wanted)
        with self._mutex:
            self._ears[kind].add(ear)
            is_marked = kind in self._marked
        if not is_marked and self._hears():
            self._start()
        return ear

    def _release(self, kind: int, ear: Ear | None) -> None:
        if ear is not None:
            with self._mutex:
                self._ears[kind].discard(ear)
            self._resting.append(ear)

    def notices(self, kind: int) -> int:
        """How many notices of this kind came, -1 while it is not certain that any would."""
        return self._notices[kind] if kind in self._marked else -1

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
        poll = select.poll()
        for descriptor in (session.fileno(), call._reader):
            poll.register(descriptor, select.POLLIN)
        held: set[int] = set()
        while not call.woken:
            self._mark(session, number, held)
            if not (events := poll.poll(PING_SECONDS * 1000)):
                session.execute("SELECT 1")
                continue
            if (call._reader, select.POLLIN) in events:
                _drain(call._reader)
            session.pgconn.consume_input()
            while (notice := session.pgconn.notifies()) is not None:
                self._heard(notice.extra.decode())

    def _mark(self, session: Connection, number: int, held: set[int]) -> None:
        """Hold the lock of each kind that somebody sleeps for, and let go of one that is unwanted by now."""
        for kind, ears in self._ears.items():
            if ears and kind not in self._marked:
                if kind not in held:
                    session.execute(f'LISTEN "cardoon:{number}:{kind}"'.encode())
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
        self._notices[kind] += 1
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
        self._close_ears()

    def _close_ears(self) -> None:
        for key in list(self._early):
            self._release(key[1], self._early.pop(key, None))
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
        for ear in [*self._resting, *self._early.values()]:
            ear.close()
        if self._call is not None:
            self._call.close()
        self._forget()


def _drain(descriptor: int) -> None:
    with suppress(OSError):  # its owner may have closed it meanwhile
        drain(descriptor)
