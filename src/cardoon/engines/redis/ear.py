"""An ear hears at once what others would have to look for again and again.

It is a connection that listens to a channel of its own, whose name it leaves with the server while somebody
stands by for work, and beside each job for whose end somebody waits. A word on it is a hint, or brings a job.
Whoever waits looks once a second all the same, and makes sure with each look that its ear is not deaf.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

from redis import exceptions

from cardoon.engines.readable import drain, readable
from cardoon.engines.redis.connection import Connections
from cardoon.engines.redis.faults import translated
from cardoon.engines.redis.standby import Hands, Stand, Standby
from cardoon.engines.redis.wire import Connection, answer, command, descriptor, drop, packed
from cardoon.model import clock
from cardoon.model.errors import EngineError

RECHECK_SECONDS = 1.0
"""Whoever sleeps looks that often anyway."""

_ENDS, _HAND = b"e", b"h"
_number = struct.Struct("<I").unpack_from


class Ear:
    """Hears words on its channel. `woken` once somebody ended this wait early.

    `standby` says for which work it listens. `promised` is what an `exchange` said of the work that the
    next `wait` is for: its queues, whether it is alone, the answer. `awaited` are the jobs of whose ends it
    will be told, by their keys.
    """

    def __init__(self, connections: Connections, hands: Hands) -> None:
        self.name = clock.new_id()
        self.woken = False
        self.standby = Standby(hands)
        self._before: Stand | None = None
        self.awaited: set[bytes] = set()
        self._told: dict[bytes, bytes] = {}
        self._looked = 0.0
        self.promised: tuple[bytes, bool, Any] | None = None
        self._connections = connections
        self._connection: Connection | None = None
        self._asked, self._sure = False, 0.0
        self._wake_reader, self._wake_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def begin(self) -> None:
        """Listen, and forget what was heard before of ends."""
        self.woken = False
        drain(self._wake_reader)
        self.hear()
        self.awaited -= self._told.keys()  # of these it was told too early: somebody may have moved them on
        self._told.clear()
        self._open()

    def taken_up(self, wanted: bytes, alone: bool) -> Any:
        """The answer to this question, if it was promised; else None."""
        promised = self.promised
        return promised[2] if promised and promised[:2] == (wanted, alone) else None

    def asks(self, worker: str, stands_by: bool) -> bytes:
        """What a script is told of it, three values, packed: its name, whether it may stand by still, and the
        number under which it will for this worker (0: it will not).
        """
        self._before = self.standby.now
        number = self.standby.begin(worker).number if stands_by else 0
        return packed([self.name, int(self._before is not None), number])

    def answered(self, lasted: Any, answer: Any) -> None:
        """Whether it stood by until it asked, else it was told something; and what `lua/listen.lua` says:
        with 1, or without an answer, it does not stand by now.
        """
        if self._before is not None:
            if not lasted:
                self.hear()
            self.standby.end(self._before, bool(lasted))
        if answer is None or answer == 1:
            self.standby.now = None

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
            self.hear(ready=True)
            is_told = self.standby.heard or self._told
            return not (self._wake_reader in ready or is_told or self._connection is None)
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

    def hear(self, ready: bool = False) -> None:
        """Take in what was said, all that is there; a connection that broke is replaced by the next wait."""
        connection = self._connection  # another thread may hang up
        try:
            while connection and (ready or connection.can_read(0)):
                self._take_in(connection.read_response())
                ready = False
        except (exceptions.RedisError, OSError):
            self.hang_up()

    def _take_in(self, said: Any) -> None:
        self._sure = clock.monotonic()
        if said[0] == b"pong":
            self._asked = False
        elif said[0] == b"message":
            self._take_word(said[2])

    def _take_word(self, word: bytes) -> None:
        if word[:1] == _ENDS:
            self._told.update(_pairs(word, 1))
        else:
            handed = next(_pairs(word, 5)) if word[:1] == _HAND else None
            self.standby.hear(_number(word, 1)[0], handed)

    def _ask(self) -> None:
        """Make sure that somebody speaks: who did not answer the last time is not there any more."""
        if self._asked:
            return self.hang_up()
        try:
            if self._connection is not None:
                self._connection.send_packed_command([command("PING")], check_health=False)
        except (exceptions.RedisError, OSError):
            return self.hang_up()
        self._asked, self._sure = True, clock.monotonic()
        return None

    def hang_up(self) -> None:
        """Let go of its connection; the next wait has a new one."""
        connection, self._connection = self._connection, None
        self.awaited.clear()
        if connection is not None:
            drop(connection)

    def close(self) -> None:
        """Let go of its connection and its pipe."""
        self.hang_up()
        os.close(self._wake_reader)
        os.close(self._wake_writer)


def _pairs(said: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Jobs by their keys, with their records, which begin there in a word."""
    while at < len(said):
        key, at = _part(said, at)
        record, at = _part(said, at)
        yield key, record


def _part(said: bytes, at: int) -> tuple[bytes, int]:
    begin = at + 4
    end = begin + int.from_bytes(said[at:begin], "little")
    return said[begin:end], end
