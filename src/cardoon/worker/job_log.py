"""What a job logs, kept with the job: collected here, stored in the step that ends the attempt.

While an attempt runs its lines are stored about once a second, so that they can be followed.
"""

from __future__ import annotations

import logging
import threading

import msgspec

from cardoon.context import current_job
from cardoon.engines.contract import Store
from cardoon.model.job import Claim

KIND = "log"
LINES_LIMIT = 1_000
LINE_BYTES = 4_096
_OURS = ("cardoon.worker", "cardoon.supervisor", "cardoon.events")


class _Lines:
    """The lines of one attempt: those not stored yet, and how many there were."""

    __slots__ = ("claim", "count", "fresh")

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.count = 0
        self.fresh: list[bytes] = []


class JobLog(logging.Handler):
    """Takes the records that were logged in a job; each becomes a line, a JSON object with the keys
    `t` (seconds since the epoch), `level`, `logger` and `text`.
    """

    def __init__(self, level: int = logging.INFO) -> None:
        super().__init__(level)
        self.lines: dict[str, _Lines] = {}
        self._mutex = threading.Lock()
        self._storing = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if it is the task's own."""
        request = current_job()
        if not request.id or request.is_eager or record.name.startswith(_OURS):
            return
        try:
            line = _line(record)
        except Exception:
            self.handleError(record)
            return
        with self._mutex:
            lines = self.lines.setdefault(request.id, _Lines(request.claim))
            lines.count += 1
            if lines.count <= LINES_LIMIT:
                lines.fresh.append(line)

    def take(self, id: str) -> tuple[bytes, ...]:
        """The lines of an attempt that ended and are not stored; they are forgotten here."""
        if id not in self.lines:
            return ()
        with self._storing, self._mutex:
            lines = self.lines.pop(id)
        left_out = lines.count - LINES_LIMIT
        last = [_last(left_out)] if left_out > 0 else []
        return _joined([*lines.fresh, *last])

    def store(self, store: Store) -> None:
        """Store what the running attempts have logged; raises EngineError, and then nothing is lost."""
        with self._storing:
            for lines in list(self.lines.values()):
                count = len(lines.fresh)
                for data in _joined(lines.fresh[:count]):
                    store.annotate(lines.claim, KIND, data)
                del lines.fresh[:count]


def _joined(lines: list[bytes]) -> tuple[bytes, ...]:
    return (b"\n".join(lines),) if lines else ()


def _line(record: logging.LogRecord) -> bytes:
    text = record.getMessage()
    if record.exc_info:
        text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
    return _written(record.created, record.levelname.lower(), record.name, text)


def _last(left_out: int) -> bytes:
    return _written(0.0, "warning", "cardoon", f"{left_out:,} more lines were not kept")


def _written(moment: float, level: str, logger: str, text: str) -> bytes:
    cut = text.encode("utf-8", "backslashreplace")[:LINE_BYTES].decode("utf-8", "ignore")
    return msgspec.json.encode({"t": moment, "level": level, "logger": logger, "text": cut})
