"""What is done to whole queues on PostgreSQL, and what is told of them."""

from __future__ import annotations

from collections.abc import Collection

from cardoon.engines.contract import Counts, QueueInfo
from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.listener import DONE
from cardoon.engines.postgres.prepared import Row
from cardoon.engines.postgres.rows import Core, stored, told
from cardoon.engines.postgres.wire import Texts, int8s, texts
from cardoon.model import clock
from cardoon.model.states import State

PURGED_AT_ONCE = 10_000


class Queues(Core):
    """Pausing, purging and counting; see the contract for what each verb promises."""

    def purge(self, queues: Collection[str]) -> int:
        """See `Broker.purge`. More than `PURGED_AT_ONCE` jobs of a queue go in several steps."""
        newest = self._connections.fetch(self._sql("newest"))[0][0]
        return sum(self._purge(queue, newest) for queue in sorted(set(queues)))

    def _purge(self, queue: str, newest: int) -> int:
        def work(db: Connection) -> int:
            found = db.execute(self._sql("to_purge"), [stored(queue), newest, PURGED_AT_ONCE])
            seqs = sorted(seq for (seq,) in found)
            if seqs:
                values = [int8s(seqs), State.CANCELLED.value, "purged", 1, clock.shift()]
                db.execute(self._sql("bury"), values)
                self._tell(db, DONE)
            return len(seqs)

        purged = last = self._connections.step(work)
        while last == PURGED_AT_ONCE:
            last = self._connections.step(work)
            purged += last
        return purged

    def pause(self, queue: str) -> None:
        """See `Broker.pause`."""
        self._connections.write(self._sql("pause"), [stored(queue), True])

    def resume(self, queue: str) -> None:
        """See `Broker.resume`."""

        def work(db: Connection) -> None:
            db.execute(self._sql("pause"), [stored(queue), False])
            self._returned(db)

        self._connections.step(work)

    def count(self, queues: Collection[str] | None = None) -> Counts:
        """See `Broker.count`."""
        wanted = None if queues is None else texts([stored(queue) for queue in queues])
        counts: Counts = {}
        for queue, state, n in self._connections.step(lambda db: self._counted(db, wanted)):
            counts.setdefault(told(queue), {})[State(state)] = n
        return counts

    def _counted(self, db: Connection, wanted: Texts | None) -> list[Row]:
        """The one question that is answered best by reading tables from end to end."""
        db.execute(b"SET LOCAL enable_seqscan = on")
        return db.execute(self._sql("count"), [wanted] * 4).fetchall()

    def queues(self) -> list[QueueInfo]:
        """See `Broker.queues`."""
        rows = self._connections.fetch(self._sql("queues"))
        return [QueueInfo(name=told(name), paused=paused, oldest=oldest) for name, paused, oldest in rows]
