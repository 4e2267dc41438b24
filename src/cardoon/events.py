"""What listeners may hear: logs, metrics, traces, mails. A listener never decides anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from cardoon.model.errors import UnknownOption

KINDS = {
    "job.sent": "a job was stored",
    "job.started": "an attempt begins",
    "job.succeeded": "the body returned and the result is on its way to the engine",
    "job.result_lost": "the body returned something that cannot be stored",
    "job.retrying": "an attempt failed and another will follow",
    "job.failed": "the last attempt failed",
    "job.skipped": "the job ended on purpose without doing its work",
    "job.parked": "no task here can run the job; it is kept",
    "job.refused": "the engine refused the end of an attempt that had lost its job",
    "job.returned": "a claimed job went back to its place, unstarted and uncharged",
    "job.quarantined": "a job's workers died under it too often; told by the next process of that worker",
    "worker.ready": "a worker process takes jobs",
    "worker.stopping": "a worker process takes no more jobs",
    "worker.lost": "a worker process died or fell silent (told by the supervisor's log alone)",
}


class Event(msgspec.Struct, frozen=True):
    """Something that happened. `data` holds what there is to say, by name; never arguments."""

    kind: str
    id: str = ""
    task: str = ""
    data: Mapping[str, Any] = {}


Listener = Callable[[Event], object]


class Events:
    """The listeners of one application."""

    def __init__(self) -> None:
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self.heard: Collection[str] = self._listeners
        """The kinds that somebody listens to: the others need not be told."""

    def listen(self, listener: Listener, kinds: Iterable[str] = KINDS) -> Listener:
        """Call this with every event of these kinds; what it raises is logged and changes nothing else.

        Raises ConfigurationError for a kind that there is not.
        """
        for kind in kinds:
            if kind not in KINDS:
                raise UnknownOption.named(kind, KINDS, "the list of events")
            self._listeners[kind] = (*self._listeners.get(kind, ()), listener)
        return listener

    def emit(self, kind: str, id: str = "", task: str = "", **data: Any) -> None:
        """Tell those who listen, in the order in which they began to."""
        listeners = self._listeners.get(kind)
        if not listeners:
            return
        event = Event(kind, id, task, data)
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                import logging  # here: most processes need none to send

                logging.getLogger("cardoon.events").exception("a listener failed on %s", kind)
