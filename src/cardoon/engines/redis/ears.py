"""Ears hear at once what others would have to look for again and again.

An ear is a connection that listens to a channel of its own, whose name it leaves with the server while
somebody waits for work; who waits for the end of a job follows the channel of that job with it. A word on
it is a hint: whoever waits looks once a second all the same, and with each look makes sure that its ear is
not deaf.
"""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from redis import exceptions

from cardoon.engines.forks import heed
from cardoon.engines.redis.connection import Connections
from cardoon.engines.redis.faults import translated
from cardoon.engines.redis.wire import Connection, Value, answer, command, descriptor, drop
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
        self._listening: set[Ear] = set()

    def wake(self) -> None:
        """End the waits of those that listen through this object; safe in a signal handler."""
        self._owed = True
        for ear in list(self._listening):
            ear.wake()

    @contextmanager
    def listen(self) -> Generator[Ear]:
        """An ear that hears from now on what the server tells it."""
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
            return Ear(self._connections)

    def close(self) -> None:
        """Let go of all ears that rest."""
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

    `told` is what was said on the channels that it follows, each with what was said.
    """

    def __init__(self, connections: Connections) -> None:
        self.name = clock.new_id()
        self.woken = self.heard = False
        self.told: list[tuple[bytes, bytes]] = []
        self._connections = connections
        self._connection: Connection | None = None
        self._followed: Sequence[bytes] = ()
        self._asked, self._sure = False, 0.0
        self._wake_reader, self._wake_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def begin(self) -> None:
        """Listen, and forget what was heard before."""
        self.woken = self.heard = False
        with suppress(BlockingIOError):
            while len(os.read(self._wake_reader, 4096)) == 4096:
                pass
        if self._connection is not None:
            self._hear()
        self._open()

    @contextmanager
    def following(self, channels: Sequence[bytes]) -> Generator[None]:
        """Within the block it hears what is said on these, from its first moment on."""
        try:
            self._follow(channels)
            yield
        finally:
            self._followed = ()
            self._say("UNSUBSCRIBE", *channels)

    def _follow(self, channels: Sequence[bytes]) -> None:
        self._followed = channels
        if self._say("SUBSCRIBE", *channels) and not self._hear(confirmed=len(channels)):
            self._break()
        self.told = []  # what was said to an earlier wait
        self._open()

    def _say(self, *words: Value) -> bool:
        """Whether it could be said; else its connection is replaced by the next wait."""
        try:
            if self._connection is not None:
                self._connection.send_packed_command([command(*words)], check_health=False)
        except (exceptions.RedisError, OSError):
            self._break()
        return self._connection is not None

    def wait(self, timeout: float) -> None:
        """Sleep until a word, until woken, or for `timeout` seconds."""
        self._open()
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        if self._connection is not None:
            poll.register(descriptor(self._connection), select.POLLIN)
        # poll() takes whole milliseconds: rounded up, or a wait of 0.4 ms would spin.
        ready = dict(poll.poll(max(0, int(timeout * 1000 + 0.999))))
        if ready.keys() - {self._wake_reader}:
            self._hear()
        elif not ready and clock.monotonic() - self._sure >= RECHECK_SECONDS:
            self._ask()

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
            answer(connection, command("SUBSCRIBE", own, *self._followed))
            for _ in self._followed:
                connection.read_response()
        except EngineError:
            raise
        except (exceptions.RedisError, OSError) as error:
            raise translated(error, self._connections.place.shown) from error
        self._connection, self._asked, self._sure = connection, False, clock.monotonic()

    def _hear(self, confirmed: int = 0) -> bool:
        """Take in what was said; whether so many channels were confirmed, in a time in which any server that
        is there does so. A connection that broke is replaced by the next wait.
        """
        try:
            while self._connection and self._connection.can_read(RECHECK_SECONDS * (confirmed > 0)):
                confirmed -= self._take_in(self._connection.read_response())
        except (exceptions.RedisError, OSError):
            self._break()
        return confirmed <= 0

    def _take_in(self, said: Any) -> bool:
        """Whether it confirms that another channel is followed."""
        self._sure = clock.monotonic()
        if said[0] == b"pong":
            self._asked = False
        elif said[0] == b"message":
            self.heard = True
            if said[1] in self._followed:
                self.told.append((said[1], said[2]))
        return bool(said[0] == b"subscribe")

    def _ask(self) -> None:
        """Make sure that somebody speaks: who did not answer the last time is not there any more."""
        if self._asked:
            return self._break()
        if self._say("PING"):
            self._asked, self._sure = True, clock.monotonic()
        return None

    def _break(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            drop(connection)

    def close(self) -> None:
        """Let go of its connection and its pipe."""
        self._break()
        os.close(self._wake_reader)
        os.close(self._wake_writer)
