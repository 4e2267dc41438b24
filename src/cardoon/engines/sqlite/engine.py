"""The engine of `sqlite:///jobs.db`: opening it, and telling what it truly is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cardoon.engines.contract import RETENTION_SECONDS, Capabilities, Profile
from cardoon.engines.silence import Silence
from cardoon.engines.sqlite.bell import Bell
from cardoon.engines.sqlite.broker import Broker
from cardoon.engines.sqlite.connection import Connections
from cardoon.engines.sqlite.liveness import Liveness
from cardoon.engines.sqlite.operators import Operators
from cardoon.engines.sqlite.place import parse, retention_seconds
from cardoon.engines.sqlite.queues import Queues
from cardoon.engines.sqlite.schema import as_sql
from cardoon.engines.sqlite.store import Store

_SYNCHRONOUS = {"durable": "FULL", "fast": "NORMAL"}
_SENTENCES = {
    "durable": "each answered call is on the disk before it is answered",
    "fast": "survives the death of any process; a power cut may take the last moments",
}
_BUG_FROM, _BUG_FIXED = (3, 7, 0), (3, 51, 3)


class SqliteEngine(Broker, Queues, Operators, Liveness, Store):
    """Keeps jobs in one SQLite file, shared by the processes of one host.

    The file, its log and three small companions (`-turn`, `-ready`, `-done`) are made readable by
    their owner only. It is opened, and its schema brought up to date, at the first call.
    """

    capabilities = Capabilities(shared=True, durable=True, remembers=True)

    def __init__(
        self, url: str, *, profile: str = "durable", retention: float | None = RETENTION_SECONDS
    ) -> None:
        self.path, options = parse(url)
        self._retention = retention_seconds(options, retention)
        self._files = Connections(self.path, synchronous=_SYNCHRONOUS[options.get("profile", profile)])
        self._ready = Bell(Path(f"{self.path}-ready"))
        self._done = Bell(Path(f"{self.path}-done"))
        self._known: set[str] = set()
        self._silence = Silence()
        self._window_at = 0, 0.0

    def open(self) -> None:
        """See `Engine.open`."""
        with self._files.reading():
            return

    def migrate(self) -> list[str]:
        """See `Engine.migrate`."""
        self.open()
        return self._files.migrated

    def migrations_sql(self) -> str:
        """See `Scripted.migrations_sql`."""
        return as_sql()

    def profile(self) -> Profile:
        """See `Engine.profile`."""
        with self._files.reading() as db:
            level = db.execute("PRAGMA synchronous").fetchone()[0]
        name = "durable" if level >= 2 else "fast"
        return Profile(
            name=name,
            sentence=_SENTENCES[name],
            version=f"SQLite {sqlite3.sqlite_version}",
            notes=_notes(),
        )

    def wake(self) -> None:
        """See `Store.wake`."""
        self._ready.wake()
        self._done.wake()

    def close(self) -> None:
        """See `Engine.close`."""
        self._files.close()
        self._ready.close()
        self._done.close()


def _notes() -> tuple[str, ...]:
    """What the version of the library gives reason to say (reliability 1.2)."""
    if not _BUG_FROM <= sqlite3.sqlite_version_info < _BUG_FIXED:
        return ()
    return (
        f"SQLite {sqlite3.sqlite_version} can damage a log when a checkpoint meets a write; Cardoon's own "
        "writers take turns and so avoid it, other programs that open this file may not",
    )
