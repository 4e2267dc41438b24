"""`sqlite3`, as far as the engine uses it, spoken by apsw: so that the engine writes to a disk of ours.

The engine under test stays the product's own code; what it finds under the name `sqlite3` is this.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

Values = Sequence[Any] | Mapping[str, Any]
Committed = Callable[["Connection"], None]


class Driver:
    """What stands for the module `sqlite3`: connections go to the disk called `vfs`."""

    def __init__(self, vfs: str, committed: Committed = lambda _connection: None) -> None:
        self._vfs = vfs
        self._committed = committed

    def connect(self, path: Path, *, timeout: float, **_others: object) -> Connection:
        with _errors():
            return Connection(apsw.Connection(str(path), vfs=self._vfs), timeout, self._committed)

    def __getattr__(self, name: str) -> Any:
        return getattr(sqlite3, name)


class Connection:
    """A connection, without what the engine does not use. Every statement runs to its end at once."""

    def __init__(self, db: apsw.Connection, timeout: float, committed: Committed) -> None:
        self._db = db
        self._db.set_busy_timeout(round(timeout * 1000))
        self._committed = committed

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def execute(self, sql: str, values: Values = ()) -> Cursor:
        pragma, _, number = sql.partition("=")
        if pragma == "PRAGMA wal_autocheckpoint":
            self._checkpoint_at(int(number))
            return Cursor([], 0)
        return self._run(sql, [values])

    def _checkpoint_at(self, pages: int) -> None:
        """As SQLite does by itself: what the checkpoint after a commit cannot do stays in the log.

        Done by hand, since apsw would raise the error that SQLite passes over.
        """

        def committed(db: apsw.Connection, _name: str, written: int) -> int:
            if written >= pages:
                with suppress(apsw.Error):
                    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            return apsw.SQLITE_OK

        self._db.set_wal_hook(committed)

    def executemany(self, sql: str, rows: Iterable[Values]) -> Cursor:
        return self._run(sql, rows)

    def executescript(self, script: str) -> Cursor:
        return self._run(script, [()])

    def _run(self, sql: str, each: Iterable[Values]) -> Cursor:
        before, within = self._db.total_changes(), self._db.in_transaction
        with _errors():
            found = [row for values in each for row in self._db.execute(sql, values)]
        by_itself = not within and self._db.total_changes() > before
        if by_itself or sql.rstrip("; \n").upper().endswith("COMMIT"):
            self._committed(self)
        return Cursor(found, self._db.total_changes() - before)

    def close(self) -> None:
        with suppress(apsw.Error):  # as of `sqlite3`: what its last checkpoint could not do stays in the log
            self._db.close()


class Cursor:
    """What a statement gave."""

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows


@contextmanager
def _errors() -> Generator[None]:
    try:
        yield
    except apsw.Error as error:
        said = sqlite3.OperationalError(str(error) or type(error).__name__)
        said.sqlite_errorcode = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
        raise said from error
