"""Connections to the file, one a thread, and the turn in which one process writes.

Writers and checkpoints take turns behind one `flock` (reliability 0.4 and 7: fairer and faster than
SQLite's own sleeping, and no checkpoint runs beside a write).
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cardoon.engines.contract import CALL_SECONDS, steps
from cardoon.engines.forks import Gate, heed
from cardoon.engines.sqlite.place import prepare, touch
from cardoon.engines.sqlite.schema import bring_up
from cardoon.model import clock
from cardoon.model.errors import (
    EngineBusy,
    EngineDamaged,
    EngineError,
    EngineFull,
    EngineRefused,
    EngineUnavailable,
)

CHECKPOINT_PAGES = 4_000
_FIRST_NAP, _LONGEST_NAP = 0.000_05, 0.000_3

_FAILURES = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What a call into SQLite may raise; the last one tells of a schema that is no text any more."""
_NO_ROOM = {sqlite3.SQLITE_IOERR_SHMSIZE, errno.ENOSPC, errno.EDQUOT}
"""How a full disk is told of where SQLite does not say it plainly: by its companion files."""


class _Connection(sqlite3.Connection):
    """Closes itself with the thread that it belongs to."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was never opened
            self.close()


class Connections:
    """The connections of one engine object. A forked process opens its own."""

    def __init__(self, path: Path, *, synchronous: str) -> None:
        self.path = path
        self.synchronous = synchronous
        self.migrated: list[str] = []
        self._turn_file = Path(f"{path}-turn")
        self._forget()
        heed(self)

    def _forget(self) -> None:
        self._local = threading.local()
        # Re-entrant for its `_is_owned`, set in C as it is taken: threading.Condition relies on that too.
        self._mutex: Any = threading.RLock()
        self._readers = Gate()
        self._turn_descriptor = -1
        self._prepared = False

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection for single statements that read."""
        try:
            with self._readers:
                yield self._connection()
        except _FAILURES as error:
            raise self._translated(error) from error

    @contextmanager
    def snapshot(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection for several statements that read the same moment."""
        with self.reading() as connection:
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                with suppress(sqlite3.ProgrammingError):  # it was closed under a signal handler that raised
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")

    @contextmanager
    def writing(self, *, at_once: bool = False) -> Generator[sqlite3.Connection]:
        """A transaction that writes: committed at the end of the block, rolled back if it raises.

        With `at_once` for one statement, which is a transaction by itself: it is committed when it returns.
        """
        steps.under_way += 1
        connection = None
        try:
            connection = self._connection()
            self._take_turn()
            if at_once:
                yield connection
            else:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except _FAILURES as error:
            raise self._translated(error) from error
        finally:
            # Written out and nested, so that a signal handler that raises anywhere cannot skip a release.
            try:
                if connection is not None and connection.in_transaction:
                    connection.execute("ROLLBACK")
            finally:
                try:
                    if self._mutex._is_owned() and self._turn_descriptor >= 0:
                        fcntl.flock(self._turn_descriptor, fcntl.LOCK_UN)
                finally:
                    if self._mutex._is_owned():
                        self._mutex.release()
                    steps.under_way -= 1
                    if steps.owed and not steps.under_way:
                        steps.owed = False
                        signal.raise_signal(signal.SIGALRM)

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            with self._readers:
                found = self._local.connection = self._connect()
        return found

    def _connect(self) -> sqlite3.Connection:
        if not self._prepared:
            prepare(self.path)
        connection = sqlite3.connect(
            self.path,
            timeout=CALL_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=_Connection,
        )
        connection.execute(f"PRAGMA synchronous={self.synchronous}")
        # The commit that makes the log this long checkpoints it, within its turn.
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        if not self._prepared:
            self._bring_up(connection)
        return connection

    def _bring_up(self, connection: sqlite3.Connection) -> None:
        try:
            self._take_turn()
            self.migrated += bring_up(connection, self.path)
            self._prepared = True
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        """The mutex is for the threads of this process, the lock on the file for other processes."""
        deadline = clock.monotonic() + CALL_SECONDS
        if not self._mutex.acquire(timeout=CALL_SECONDS):
            raise self._busy()
        if self._turn_descriptor < 0:
            touch(self._turn_file)
            self._turn_descriptor = os.open(self._turn_file, os.O_RDWR | os.O_CLOEXEC)
        nap = _FIRST_NAP
        while not _locked(self._turn_descriptor):
            if clock.monotonic() > deadline:
                raise self._busy()
            time.sleep(nap)
            nap = min(nap * 1.5, _LONGEST_NAP)

    def _give_turn(self) -> None:
        if self._mutex._is_owned():
            if self._turn_descriptor >= 0:
                fcntl.flock(self._turn_descriptor, fcntl.LOCK_UN)
            self._mutex.release()

    def _busy(self) -> EngineBusy:
        return EngineBusy(
            f"{self.path} was held by another writer for {CALL_SECONDS:g} s; nothing was written"
        )

    def _translated(self, error: Exception) -> EngineError:
        if isinstance(error, EngineError):
            return error
        full = getattr(error, "sqlite_errorcode", 0)
        code = full & 0xFF
        if code == sqlite3.SQLITE_FULL or {full, getattr(error, "errno", 0)} & _NO_ROOM:
            return EngineFull(f"no space left for {self.path}; nothing was written, earlier jobs are intact")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self._busy()
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or isinstance(error, UnicodeDecodeError):
            return EngineDamaged(
                f"{self.path} is damaged or no SQLite database ({error}); restore it or name another file"
            )
        if code == sqlite3.SQLITE_READONLY:
            return EngineRefused(f"{self.path} is read-only for this user")
        return EngineUnavailable(f"{self.path}: {error}")

    def before_fork(self) -> None:
        """See `Forkable`."""
        self._readers.close()
        self._mutex.acquire(timeout=CALL_SECONDS)

    def after_fork(self) -> None:
        """See `Forkable`."""
        if self._mutex._is_owned():
            self._mutex.release()
        self._readers.open()

    def forked(self) -> None:
        """See `Forkable`. The turn is the parent's, and ends with it alone."""
        if self._turn_descriptor >= 0:
            os.close(self._turn_descriptor)
        self._forget()

    def close(self) -> None:
        """Close this thread's connection and let go of the others.

        A connection that another thread is using is closed when that thread has done with it: to close
        it under its hands would crash the interpreter.
        """
        with self._mutex:
            connection: _Connection | None = getattr(self._local, "connection", None)
            if connection is not None:
                connection.close()
            if self._turn_descriptor >= 0:
                os.close(self._turn_descriptor)
            self._local = threading.local()
            self._turn_descriptor, self._prepared = -1, False


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
