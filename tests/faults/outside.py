"""The points at which a verb depends on the world outside, and what can happen at each.

Watched are: each statement and each fetch of SQLite, the turn behind the lock file, each file that is
opened, each ring of a bell. The engine is not touched; it meets these in the place of what it calls.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest

from cardoon.engines.sqlite import connection

T = TypeVar("T")

REFUSED = "error before"
UNANSWERED = "error after it took effect"
INTERRUPTED = "interrupt after it took effect"
KILLED = "killed after it took effect"
KINDS = (REFUSED, UNANSWERED, INTERRUPTED, KILLED)


@dataclass(frozen=True)
class Point:
    """One of them: what is done, what may happen there, and whether it commits."""

    what: str
    kinds: tuple[str, ...]
    commits: bool = False


CLOSING = Point("closing the connection", (INTERRUPTED, KILLED))


@dataclass
class Outside:
    """Writes down the points that are passed; at the one numbered `at`, `kind` happens: it has `struck`."""

    at: int = -1
    kind: str = ""
    on_commit: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.points: list[Point] = []
        self.watching = False
        self.struck = False

    def at_point(self, point: Point, do: Callable[[], T], error: Callable[[], Exception]) -> T:
        """Do what is done at this point, or let happen what is to happen."""
        if not self.watching:
            return do()
        self.points.append(point)
        strikes = len(self.points) - 1 == self.at and self.kind in point.kinds
        self.struck = self.struck or strikes
        if strikes and self.kind == REFUSED:
            raise error()
        done = self._done(point, do)
        if strikes:
            self._strike(error)
        return done

    def _done(self, point: Point, do: Callable[[], T]) -> T:
        try:
            done = do()
        except BaseException:  # as it should, such as for a file that is there: no effect to come after
            self.points[-1] = replace(point, kinds=(REFUSED,))
            raise
        if point.commits:
            self.on_commit()
        return done

    def _strike(self, error: Callable[[], Exception]) -> None:
        if self.kind == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        raise KeyboardInterrupt if self.kind == INTERRUPTED else error()

    @contextmanager
    def watched(self) -> Generator[None]:
        """Inside the block, points are points."""
        self.watching = True
        try:
            yield
        finally:
            self.watching = False

    # -- what the engine meets

    def statement(self, sql: str, do: Callable[[], T], *, within: bool = True) -> T:
        """`within` a transaction; else a statement that writes commits by itself."""
        commits = sql.rstrip("; \n").upper().endswith("COMMIT") or (not within and _writes(sql))
        # SQLite has no way to refuse a ROLLBACK: after an error the transaction is over all the same.
        kinds = (INTERRUPTED, KILLED) if sql == "ROLLBACK" else KINDS
        return self.at_point(Point(_short(sql), kinds, commits), do, _disk_error)

    def fetch(self, do: Callable[[], T]) -> T:
        return self.at_point(Point("the next row", (REFUSED,)), do, _disk_error)

    @contextmanager
    def installed(self) -> Generator[None]:
        """Engines that are opened inside the block meet the world through this."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection, "sqlite3", _Sqlite3(self))
            patch.setattr(fcntl, "flock", self._flock(fcntl.flock))
            for name, kinds, code in CALLS:
                patch.setattr(os, name, self._call(getattr(os, name), name, kinds, code))
            yield

    def _flock(self, flock: Callable[[int, int], None]) -> Callable[[int, int], None]:
        def watched(descriptor: int, operation: int) -> None:
            gives_back = operation == fcntl.LOCK_UN
            kinds = (INTERRUPTED, KILLED) if gives_back else KINDS
            point = Point("giving back the turn" if gives_back else "taking the turn", kinds)
            error = OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
            self.at_point(point, lambda: flock(descriptor, operation), lambda: error)

        return watched

    def _call(self, call: Callable[..., T], name: str, kinds: tuple[str, ...], code: int) -> Callable[..., T]:
        def watched(*args: Any, **kwargs: Any) -> T:
            error = OSError(code, os.strerror(code))
            return self.at_point(Point(f"os.{name}", kinds), lambda: call(*args, **kwargs), lambda: error)

        return watched


CALLS = (
    ("open", (REFUSED, INTERRUPTED, KILLED), errno.EMFILE),
    ("pipe2", (REFUSED, KILLED), errno.EMFILE),
    ("fchmod", (REFUSED, KILLED), errno.EPERM),
    ("pwrite", KINDS, errno.ENOSPC),
)
"""The system calls of the engine's own, what may happen in each, and the error it may end with."""


class _Sqlite3:
    """The module, but for its connections."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def connect(self, path: object, *, factory: type[sqlite3.Connection], **options: Any) -> Any:
        watched = type("WatchedConnection", (_WatchedConnection, factory), {"outside": self._outside})
        return self._outside.statement("connect", lambda: sqlite3.connect(path, factory=watched, **options))  # type: ignore[call-overload]

    def __getattr__(self, name: str) -> Any:
        return getattr(sqlite3, name)


class _WatchedConnection(sqlite3.Connection):
    outside: Outside
    closed = False

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        cursor = self.cursor(_WatchedCursor)
        return self.outside.statement(sql, lambda: cursor.execute(sql, values), within=self.in_transaction)

    def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
        cursor = self.cursor(_WatchedCursor)
        return self.outside.statement(sql, lambda: cursor.executemany(sql, rows))

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        return self.outside.statement(script, lambda: super(_WatchedConnection, self).executescript(script))

    def close(self) -> None:
        if self.closed:
            return super().close()
        self.closed = True
        return self.outside.at_point(CLOSING, super().close, _disk_error)


class _WatchedCursor(sqlite3.Cursor):
    def fetchone(self) -> Any:
        return self._outside.fetch(super().fetchone)

    def fetchall(self) -> list[Any]:
        return self._outside.fetch(super().fetchall)

    def __next__(self) -> Any:
        return self._outside.fetch(super().__next__)

    @property
    def _outside(self) -> Outside:
        assert isinstance(self.connection, _WatchedConnection)
        return self.connection.outside


def _writes(sql: str) -> bool:
    return bool(re.search(r"^(INSERT|UPDATE|DELETE)\b", sql, re.MULTILINE | re.IGNORECASE))


def _short(sql: str) -> str:
    words = " ".join(sql.split())
    return words if len(words) < 60 else f"{words[:40]} ... {words[-16:]}"


def _disk_error() -> sqlite3.Error:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error
