"""The connections of an engine object: kept while they work, all let go of when one of them breaks.

Nothing is sent twice: an answer that did not come may have been one of success.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis import exceptions

from cardoon.engines.contract import steps
from cardoon.engines.forks import heed
from cardoon.engines.redis.faults import translated
from cardoon.engines.redis.place import Place
from cardoon.engines.redis.scripts import Script, script
from cardoon.engines.redis.wire import (
    Connection,
    Dialler,
    Value,
    answer,
    command,
    drop,
    packed,
    was_closed,
)
from cardoon.model import clock
from cardoon.model.errors import EngineError

Ask = Callable[..., Any]
"""Ask(word, ...) is the answer of the server to a command."""

_REFERRALS = 3
_UNMOVED = packed([0])


class Connections:
    """The connections of one engine object; a forked process makes its own.

    `check` is asked with the first connection, and with the first one after a break, whether the server
    may be used; it raises EngineError.
    """

    def __init__(self, place: Place, check: Callable[[Ask], None]) -> None:
        self.place = place
        self.base = f"{{{place.namespace}}}".encode()
        self._key = packed([1, self.base])
        self._check = check
        self._dialler = Dialler(place)
        self._forget()
        heed(self)

    def _forget(self) -> None:
        self._idle: deque[Connection] = deque()
        self._checked = False

    def key(self, kind: bytes, of: bytes) -> bytes:
        """The key of this kind for this id."""
        return b"%b:%b:%b" % (self.base, kind, of)

    # -- calls

    def run(self, name: str, *values: Value) -> Any:
        """The answer of the script of this name."""
        return self.send(name, packed(values), len(values))

    def send(self, name: str, values: bytes, many: int) -> Any:
        """The answer of a script to so many values that are packed already."""
        shift, found = clock.shift(), script(name)
        moved = packed([shift]) if shift else _UNMOVED
        return self._talk(b"*%d\r\n%b%b%b%b" % (many + 5, found.call, self._key, moved, values), found)

    def command(self, *words: Value) -> Any:
        """The answer to a command."""
        return self._talk(command(*words))

    def _talk(self, data: bytes, called: Script | None = None) -> Any:
        """The answer to a packed command; no signal handler raises into the talk."""
        steps.under_way += 1
        try:
            return self._executed(data, called)
        except EngineError:
            raise
        except (exceptions.RedisError, OSError) as error:
            raise translated(error, self.place.shown) from error
        finally:
            steps.under_way -= 1
            if steps.owed and not steps.under_way:
                steps.owed = False
                signal.raise_signal(signal.SIGALRM)

    def _executed(self, data: bytes, called: Script | None) -> Any:
        """The answer of who executes it: who does not know the script gets its text, who is not in charge of
        the namespace (a node of a cluster) says who is.
        """
        for _ in range(_REFERRALS):
            try:
                return self._once(data)
            except exceptions.NoScriptError:
                data = data.replace(called.call, called.load, 1) if called else data
            except exceptions.MovedError as moved:
                self._follow(moved)
        return self._once(data)

    def _once(self, data: bytes) -> Any:
        connection = None
        try:
            connection = self._take()
            result = answer(connection, data)
        except exceptions.ResponseError as error:
            self._refused(connection, error)
            raise
        except BaseException:
            self._lost(connection)
            raise
        self._idle.append(connection)
        return result

    def _refused(self, connection: Connection | None, error: Exception) -> None:
        """The server answered with an error; one that is no longer the master is left."""
        if connection is None or isinstance(error, exceptions.ReadOnlyError):
            self._lost(connection)
        else:
            self._idle.append(connection)

    def _follow(self, moved: exceptions.MovedError) -> None:
        """To the node of a cluster that has this namespace; nothing was executed by the other one."""
        self.close()
        self._dialler.follow(moved)

    # -- connections

    def _take(self) -> Connection:
        """One that is idle and was not closed, as by a server that was restarted; else a new one."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if not was_closed(connection):
                return connection
            self._lost(connection)
        return self.connect()

    def connect(self) -> Connection:
        """A connection of its own for the caller; raises what the library or `check` raises."""
        try:
            return self._checked_one()
        except exceptions.MovedError as moved:
            self._follow(moved)
            return self._checked_one()

    def _checked_one(self) -> Connection:
        connection = self._dialler.dial()
        try:
            if not self._checked:
                self._check(lambda *words: answer(connection, command(*words)))
                self._checked = True
        except BaseException:
            drop(connection)
            raise
        return connection

    def _lost(self, connection: Connection | None) -> None:
        """After a break nothing is trusted: what is idle goes, and the next connection is checked anew."""
        if connection is not None:
            drop(connection)
        self.close()

    def close(self) -> None:
        """Let go of every connection that is not in use."""
        self._checked = False
        while self._idle:
            with suppress(IndexError):
                drop(self._idle.pop())

    def before_fork(self) -> None:
        """Nothing to wait for: who is talking is not in the child, nor is that connection used there."""

    def after_fork(self) -> None:
        """Nobody was kept out."""

    def forked(self) -> None:
        """See `Forkable`. To close the parent's sockets here closes them for this process alone."""
        self._forget()
