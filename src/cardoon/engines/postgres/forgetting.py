"""What `sweep` keeps in order on PostgreSQL at leisure: buckets of history, sums, tombstones."""

from __future__ import annotations

from math import inf

from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.rows import DAY_SECONDS, Core
from cardoon.engines.postgres.wire import texts
from cardoon.model import clock

HOUR_SECONDS = 3_600.0
LONGEST_BUCKET_SECONDS = 30 * DAY_SECONDS
BUCKETS = 7
"""A retention is about so many buckets; what is kept for ever has the longest ones."""
_REST_SECONDS = 5.0
_TOMBSTONE_SECONDS = DAY_SECONDS


class Forgetting(Core):
    """Forgets what is old: whole buckets where it can, single rows where a bucket is too wide."""

    _retention: float
    _not_before: float
    _bucket_made: float | None = None
    """The beginning of the bucket that was made, or found, here last."""

    def _forget_old(self) -> int:
        """At leisure, unless there is much to forget; how many jobs."""
        if clock.monotonic() < self._not_before:
            return 0
        now = float(self._connections.fetch(self._sql("server_now"), [clock.shift()])[0][0])
        self._make_buckets(now)
        self._tidy(now)
        forgotten = 0 if self._retention == inf else self._forget_before(now - self._retention)
        self._not_before = clock.monotonic() + (0.0 if forgotten else _REST_SECONDS)
        return forgotten

    def _bucket_seconds(self) -> float:
        if self._retention == inf:
            return LONGEST_BUCKET_SECONDS
        hours = max(1, round(self._retention / BUCKETS / HOUR_SECONDS))
        return min(hours * HOUR_SECONDS, LONGEST_BUCKET_SECONDS)

    def _make_buckets(self, now: float) -> None:
        """The bucket of this moment and the next one, so that no end ever waits for a table."""
        width = self._bucket_seconds()
        begin = now // width * width
        if begin == self._bucket_made:
            return
        for start in (begin, begin + width):
            self._connections.fetch(self._sql("make_bucket"), [start, start + width])
        self._bucket_made = begin

    def _tidy(self, now: float) -> None:
        self._connections.write(self._sql("forget_workers"), [clock.shift() - _TOMBSTONE_SECONDS])
        if self._connections.fetch(self._sql("many_sums"))[0][0] >= 1000:
            self._connections.write(self._sql("add_up"))
        if self._retention < inf:
            self._connections.write(self._sql("forget_barriers"), [now - self._retention])

    def _forget_before(self, before: float) -> int:
        forgotten = 0
        for (name,) in self._connections.fetch(self._sql("old_buckets"), [before]):
            forgotten += self._drop(name, before)
        is_short = self._retention < self._bucket_seconds() * 2
        return forgotten + self._forget_rows("old_rows" if is_short else "old_other_rows", before)

    def _drop(self, name: str, before: float) -> int:
        def work(db: Connection) -> int:
            if db.execute(self._sql("forget_of_bucket"), [before]).rowcount:
                return 0
            return db.execute(self._sql("drop_bucket"), [name, before]).fetchall()[0][0] or 0

        return self._connections.step(work)

    def _forget_rows(self, which: str, before: float) -> int:
        ids = [id for (id,) in self._connections.fetch(self._sql(which), [before])]
        if not ids:
            return 0

        def work(db: Connection) -> int:
            gone = texts([id for (id,) in db.execute(self._sql("forget"), [texts(ids), before])])
            for name in ("forget_attempts", "forget_annotations"):
                db.execute(self._sql(name), [gone])
            return len(ids)

        return self._connections.step(work)
