"""The connections of an engine object: kept while they work, all let go of when one of them breaks.

Nothing is sent twice: an answer that did not come may have been one of success.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
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

Call = tuple[str, bytes, int]
"""The name of a script, its values, packed, and how many they are."""

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
        return self._talk(self._executed, *self._packed(name, values, many))

    def send_each(self, calls: Iterable[Call]) -> Iterator[Any]:
        """The answers to calls as `send` has them, in turn: while the server does one the next is taken.

        What `calls` raises is raised after the last answer.
        """
        under_way: deque[tuple[Connection, bytes, Script]] = deque()
        try:
            for call in _with_its_end(calls):
                if under_way:
                    yield self._talk(self._answer, *under_way.popleft())
                if call is None:
                    return
                if isinstance(call, Exception):
                    raise call
                data, called = self._packed(*call)
                under_way.append((self._talk(self._say, data), data, called))
        finally:
            for connection, *_ in under_way:
                self._lost(connection)

    def command(self, *words: Value) -> Any:
        """The answer to a command."""
        return self._talk(self._executed, command(*words), None)

    def _packed(self, name: str, values: bytes, many: int) -> tuple[bytes, Script]:
        shift, found = clock.shift(), script(name)
        moved = packed([shift]) if shift else _UNMOVED
        return b"*%d\r\n%b%b%b%b" % (many + 5, found.call, self._key, moved, values), found

    def _talk(self, do: Callable[..., Any], *values: Any) -> Any:
        """Do it as a part of a talk: no signal handler raises into it, and errors are ours."""
        steps.under_way += 1
        try:
            return do(*values)
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
                return self._hear(self._say(data))
            except exceptions.NoScriptError:
                data = data.replace(called.call, called.load, 1) if called else data
            except exceptions.MovedError as moved:
                self._follow(moved)
        return self._hear(self._say(data))

    def _answer(self, connection: Connection, data: bytes, called: Script) -> Any:
        """The answer to what was said; who did not execute it is asked as if nothing was."""
        try:
            return self._hear(connection)
        except (exceptions.NoScriptError, exceptions.MovedError):
            return self._executed(data, called)

    def _say(self, data: bytes) -> Connection:
        """The connection on which it was said, and on which the answer comes."""
        connection = None
        try:
            connection = self._take()
            connection.send_packed_command([data], check_health=False)
        except BaseException:
            self._lost(connection)
            raise
        return connection

    def _hear(self, connection: Connection) -> Any:
        try:
            result = connection.read_response()
        except exceptions.ResponseError as error:
            self._refused(connection, error)
            raise
        except BaseException:
            self._lost(connection)
            raise
        self._idle.append(connection)
        return result

    def _refused(self, connection: Connection, error: Exception) -> None:
        """The server answered with an error; one that is no longer the master is left."""
        if isinstance(error, exceptions.ReadOnlyError):
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


def _with_its_end(calls: Iterable[Call]) -> Iterator[Call | Exception | None]:
    """These, then what they raised, or None."""
    try:
        yield from calls
    except Exception as error:
        yield error
    else:
        yield None
