"""Ears hear at once what others would have to look for again and again.

An ear is a connection that listens to a channel of its own, whose name it leaves with the server while
somebody waits for work, and beside each job for whose end somebody waits. A word on it is a hint: whoever
waits looks once a second all the same, and with each look makes sure that its ear is not deaf.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis import exceptions

from cardoon.engines.forks import heed
from cardoon.engines.readable import drain, readable
from cardoon.engines.redis.connection import Connections
from cardoon.engines.redis.faults import translated
from cardoon.engines.redis.wire import Connection, answer, command, descriptor, drop
from cardoon.model import clock
from cardoon.model.errors import EngineError

RECHECK_SECONDS = 1.0
"""Whoever sleeps looks that often anyway."""


class Ears:
    """The ears of one engine object, kept from wait to wait. A forked process has its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._forget()
        heed(self)

    def _forget(self) -> None:
        self._owed = False
        self._resting: deque[Ear] = deque()
        self._early: dict[int, Ear] = {}
        self._listening: set[Ear] = set()

    def wake(self) -> None:
        """End the waits of those that listen through this object; safe in a signal handler."""
        self._owed = True
        for ear in list(self._listening):
            ear.wake()

    @contextmanager
    def listen(self) -> Generator[Ear]:
        """An ear that hears from now on what the server tells it."""
        ear = self._early.pop(threading.get_ident(), None) or self._ear()
        if not ear.promised:
            ear.begin()
        self._listening.add(ear)
        ear.woken, self._owed = self._owed or ear.woken, False
        try:
            yield ear
        finally:
            self._listening.discard(ear)
            ear.promised = None
            self._resting.append(ear)

    def early(self) -> Ear | None:
        """An ear for the next `listen` of this thread, if one rests; what is `promised` to it is for that."""
        me = threading.get_ident()
        ear = self._early.pop(me, None) or (self._ear() if self._resting else None)
        if ear is not None:
            ear.promised = None
            try:
                ear.begin()
            finally:
                self._early[me] = ear
        return ear

    def _ear(self) -> Ear:
        try:
            return self._resting.pop()
        except IndexError:
            return Ear(self._connections)

    def close(self) -> None:
        """Let go of all ears that rest."""
        while self._early:
            with suppress(KeyError):
                self._resting.append(self._early.popitem()[1])
        while self._resting:
            with suppress(IndexError):
                self._resting.pop().close()

    def before_fork(self) -> None:
        """Nothing to wait for: what other threads hear does not outlive them in a child."""

    def after_fork(self) -> None:
        """Nobody was kept out."""

    def forked(self) -> None:
        """See `Forkable`."""
        self.close()
        self._forget()


class Ear:
    """Hears words on its channel. `woken` once somebody ended this wait early, `heard` after a word.

    `promised` is what an `exchange` said of the work that the next `wait` is for: its queues, whether it is
    alone, the answer. `awaited` are the jobs of whose ends it will be told, by their keys.
    """

    def __init__(self, connections: Connections) -> None:
        self.name = clock.new_id()
        self.woken = self.heard = False
        self.awaited: set[bytes] = set()
        self._told: dict[bytes, bytes] = {}
        self._looked = 0.0
        self.promised: tuple[bytes, bool, Any] | None = None
        self._connections = connections
        self._connection: Connection | None = None
        self._asked, self._sure = False, 0.0
        self._wake_reader, self._wake_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def begin(self) -> None:
        """Listen, and forget what was heard before."""
        self.woken = self.heard = False
        drain(self._wake_reader)
        if self._connection is not None:
            self._hear()
        self.awaited -= self._told.keys()  # of these it was told too early: somebody may have moved them on
        self._told.clear()
        self._open()

    def taken_up(self, wanted: bytes, alone: bool) -> Any:
        """The answer to this question, if it was promised; else None."""
        promised = self.promised
        return promised[2] if promised and promised[:2] == (wanted, alone) else None

    def to_ask(self, keys: Collection[bytes]) -> list[bytes]:
        """Those of whose ends it would not be told; all of them once the last look at all is a second ago."""
        if clock.monotonic() - self._looked >= RECHECK_SECONDS:
            self.awaited.clear()
            self._looked = clock.monotonic()
        return [key for key in keys if key not in self.awaited]

    def ends_of(self, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """The ends that it was told of since `begin`, of these jobs, with their records."""
        told, self._told = self._told, {}
        self.awaited -= told.keys()
        return {key: told[key] for key in told if key in keys}

    def wait(self, timeout: float) -> None:
        """Sleep until a word, until woken, or for `timeout` seconds."""
        deadline = clock.monotonic() + timeout
        while self._is_undisturbed(deadline - clock.monotonic()):
            pass

    def _is_undisturbed(self, seconds: float) -> bool:
        """Sleep for so long; whether nothing but an answer to `_ask` ended that early."""
        self._open()
        sources = [self._wake_reader]
        if self._connection is not None:
            sources.append(descriptor(self._connection))
        ready = readable(sources, seconds)
        if ready - {self._wake_reader}:
            self._hear(ready=True)
            return not (self._wake_reader in ready or self.heard or self._told or self._connection is None)
        if not ready and clock.monotonic() - self._sure >= RECHECK_SECONDS:
            self._ask()
        return False

    def wake(self) -> None:
        """End this wait, or the next one if none is under way."""
        self.woken = True
        with suppress(BlockingIOError):
            os.write(self._wake_writer, b"!")

    def _open(self) -> None:
        if self._connection is not None:
            return
        try:
            connection = self._connections.connect()
            own = self._connections.key(b"ear", self.name.encode())
            answer(connection, command("SUBSCRIBE", own))
        except EngineError:
            raise
        except (exceptions.RedisError, OSError) as error:
            raise translated(error, self._connections.place.shown) from error
        self._connection, self._asked, self._sure = connection, False, clock.monotonic()

    def _hear(self, ready: bool = False) -> None:
        """Take in what was said, all that is there; a connection that broke is replaced by the next wait."""
        try:
            while self._connection and (ready or self._connection.can_read(0)):
                self._take_in(self._connection.read_response())
                ready = False
        except (exceptions.RedisError, OSError):
            self._break()

    def _take_in(self, said: Any) -> None:
        self._sure = clock.monotonic()
        if said[0] == b"pong":
            self._asked = False
        elif said[0] == b"message" and said[2]:
            self._told.update(_ends(said[2]))
        elif said[0] == b"message":
            self.heard = True

    def _ask(self) -> None:
        """Make sure that somebody speaks: who did not answer the last time is not there any more."""
        if self._asked:
            return self._break()
        try:
            if self._connection is not None:
                self._connection.send_packed_command([command("PING")], check_health=False)
        except (exceptions.RedisError, OSError):
            return self._break()
        self._asked, self._sure = True, clock.monotonic()
        return None

    def _break(self) -> None:
        connection, self._connection = self._connection, None
        self.awaited.clear()
        if connection is not None:
            drop(connection)

    def close(self) -> None:
        """Let go of its connection and its pipe."""
        self._break()
        os.close(self._wake_reader)
        os.close(self._wake_writer)


def _ends(said: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Jobs and their records, from a word of `lua/wake.lua`."""
    at = 0
    while at < len(said):
        key, at = _part(said, at)
        record, at = _part(said, at)
        yield key, record


def _part(said: bytes, at: int) -> tuple[bytes, int]:
    begin = at + 4
    end = begin + int.from_bytes(said[at:begin], "little")
    return said[begin:end], end
