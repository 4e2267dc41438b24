"""What is done to whole queues on Redis, and what is told of them."""

from __future__ import annotations

from collections.abc import Collection

from cardoon.engines.contract import Counts, QueueInfo
from cardoon.engines.redis.core import Core, said
from cardoon.engines.redis.records import STATES


class Queues(Core):
    """Pausing, purging and counting; see the contract for what each verb promises."""

    def purge(self, queues: Collection[str]) -> int:
        """See `Broker.purge`. What waits in long lines is ended in several steps."""
        total, more, wanted = 0, 1, said(queues)
        while more:
            purged, more = self._server.run("purge", wanted)
            total += purged
        return total

    def pause(self, queue: str) -> None:
        """See `Broker.pause`."""
        self._server.run("pause", queue, 1)

    def resume(self, queue: str) -> None:
        """See `Broker.resume`."""
        self._server.run("pause", queue, 0)

    def count(self, queues: Collection[str] | None = None) -> Counts:
        """See `Broker.count`."""
        names, told = self._server.run("count")
        counts: Counts = {name.decode(): {} for name in names if queues is None or name.decode() in queues}
        for field, number in zip(told[::2], told[1::2], strict=True):
            code, _, queue = field.decode().partition(":")
            if queue in counts and number != b"0":
                counts[queue][STATES[int(code) - 1]] = int(number)
        return counts

    def queues(self) -> list[QueueInfo]:
        """See `Broker.queues`."""
        told = self._server.run("queues")
        infos = [
            QueueInfo(name=name.decode(), paused=bool(paused), oldest=float(oldest) if oldest else None)
            for name, paused, oldest in told
        ]
        return sorted(infos, key=lambda info: info.name)
