"""The engine of `postgresql://user@host/database`: opening it, and telling what it truly is."""

from __future__ import annotations

from cardoon.engines.contract import RETENTION_SECONDS, Capabilities, Profile
from cardoon.engines.postgres import schema
from cardoon.engines.postgres.broker import Broker
from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.connections import Connections
from cardoon.engines.postgres.heads import Heads
from cardoon.engines.postgres.listener import Listener
from cardoon.engines.postgres.operators import Operators
from cardoon.engines.postgres.place import parse
from cardoon.engines.postgres.queues import Queues
from cardoon.engines.postgres.rows import queries_in
from cardoon.engines.postgres.store import Store
from cardoon.engines.silence import Silence

_SENTENCES = {
    "durable": "each answered call is on the disk of the server before it is answered",
    "fast": "survives the death of any client; a crash of the server may take the last moments",
    "volatile": "the server is set up to lose or damage its data when it crashes: see the warnings",
}


class PostgresEngine(Broker, Queues, Operators, Store):
    """Keeps jobs in a schema of a PostgreSQL database, shared by any number of hosts.

    It connects at the first call. The schema is made by `migrate`, never by itself.
    """

    capabilities = Capabilities(shared=True, durable=True, remembers=True)

    def __init__(
        self, url: str, *, profile: str = "durable", retention: float | None = RETENTION_SECONDS
    ) -> None:
        place = parse(url, profile, retention)
        self._retention = place.retention
        self._connections = Connections(place, self._check)
        self._queries = queries_in(place.quoted)
        self._heads = Heads()
        self._silence = Silence()
        self._known: set[tuple[str, int]] = set()
        self._told: dict[str, float] = {}
        self._table = 0
        self._not_before = 0.0
        self._listener = Listener(self._connections.connect, self._found_table, self._can_listen)

    def __repr__(self) -> str:
        return f"PostgresEngine({self._connections.place.shown}, schema {self._connections.place.schema})"

    def open(self) -> None:
        """See `Engine.open`."""
        with self._connections.using():
            return

    def migrate(self) -> list[str]:
        """See `Engine.migrate`. Safe to run anywhere at once; nothing is ever taken away."""
        with self._connections.unchecked() as db:
            applied = schema.bring_up(db, self._connections.place)
        self._not_before, self._bucket_made = 0.0, None
        self._forget_old()
        return applied

    def migrations_sql(self) -> str:
        """All migrations as one script for `psql`."""
        return schema.as_sql(self._connections.place)

    def profile(self) -> Profile:
        """See `Engine.profile`."""
        settings: dict[str, str] = dict(self._connections.fetch(self._sql("settings")))
        with self._connections.using() as db:
            version = db.info.parameter_status("server_version") or str(db.info.server_version)
        unsafe = [name for name in ("fsync", "full_page_writes") if settings.get(name) != "on"]
        name = "volatile" if unsafe else self._connections.place.profile
        warnings = [
            f"{setting} is off: a crash of the server can lose or damage everything" for setting in unsafe
        ]
        return Profile(
            name=name,
            sentence=_SENTENCES[name],
            version=f"PostgreSQL {version}",
            warnings=(*warnings, *self._warnings(settings)),
        )

    def _warnings(self, settings: dict[str, str]) -> list[str]:
        found = []
        if self._connections.pooled:
            found.append(
                "a pooler stands between, which notices do not pass: who waits asks ten times a second; "
                "let workers connect directly for starts within milliseconds"
            )
            if settings.get("default_transaction_isolation") != "read committed":
                found.append("default_transaction_isolation must be 'read committed' behind a pooler")
        for pid, seconds in self._connections.fetch(self._sql("oldest_snapshot")):
            found.append(
                f"a transaction (process {pid}) has been open for {seconds} s: until it ends nothing "
                "that was deleted can be cleaned up"
            )
        return found

    def wake(self) -> None:
        """See `Store.wake`."""
        self._listener.wake()

    def close(self) -> None:
        """See `Engine.close`."""
        self._listener.close()
        self._connections.close()
        self._heads = Heads()

    def _check(self, db: Connection) -> None:
        schema.check(db, self._connections.place)

    def _can_listen(self) -> bool:
        return not self._connections.pooled
