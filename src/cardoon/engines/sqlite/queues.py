"""What is done to whole queues on SQLite, and what is told of them."""

from __future__ import annotations

from collections.abc import Collection

from cardoon.engines.contract import Counts, QueueInfo
from cardoon.engines.sqlite.rows import Core, Q
from cardoon.model import clock
from cardoon.model.states import State

_COUNTS = ("count_ready", "count_due", "count_running", "count_parked", "count_ended")


class Queues(Core):
    """Pausing, purging and counting; see the contract for what each verb promises."""

    def purge(self, queues: Collection[str]) -> int:
        """See `Broker.purge`."""
        now = clock.now()
        with self._files.writing() as db:
            gone = {queue: db.execute(Q["purge"], (queue, now)).rowcount for queue in set(queues)}
            self._tally(db, {(queue, State.CANCELLED): n for queue, n in gone.items() if n})
        self._done.ring()
        return sum(gone.values())

    def pause(self, queue: str) -> None:
        """See `Broker.pause`."""
        self._set_paused(queue, paused=True)

    def resume(self, queue: str) -> None:
        """See `Broker.resume`."""
        self._set_paused(queue, paused=False)
        self._ready.ring()

    def _set_paused(self, queue: str, *, paused: bool) -> None:
        with self._files.writing() as db:
            db.execute(Q["pause"], (queue, paused))

    def count(self, queues: Collection[str] | None = None) -> Counts:
        """See `Broker.count`."""
        counts: Counts = {}
        with self._files.snapshot() as db:
            for query in _COUNTS:
                for queue, state, n in db.execute(Q[query]):
                    if queues is None or queue in queues:
                        counts.setdefault(queue, {})[State(state)] = n
        return counts

    def queues(self) -> list[QueueInfo]:
        """See `Broker.queues`."""
        with self._files.reading() as db:
            return [
                QueueInfo(name=name, paused=bool(paused), oldest=oldest)
                for name, paused in db.execute(Q["all_queues"]).fetchall()
                for (oldest,) in db.execute(Q["oldest"], (name,))
            ]
