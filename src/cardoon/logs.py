"""Loggers that name the job, and the worker's own lines."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, TextIO

import msgspec

from cardoon.context import current_job
from cardoon.events import KINDS, Event

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_ESCAPES = {code: f"\\x{code:02x}" for code in [*range(32), 127] if code not in (9, 10)}
_QUIET = frozenset({"job.sent", "job.started", "job.returned"})
_GRAVE = {
    "job.failed": logging.ERROR,
    "job.quarantined": logging.ERROR,
    "job.retrying": logging.WARNING,
    "job.parked": logging.WARNING,
    "job.result_lost": logging.WARNING,
    "job.refused": logging.WARNING,
    "worker.lost": logging.WARNING,
}


class JobFilter(logging.Filter):
    """Adds `job_id` and `task_name` to every record, empty outside a job, and the name of the process."""

    def __init__(self, process: str = "main") -> None:
        super().__init__()
        self._process = process

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record."""
        job = current_job()
        record.process_label = self._process
        if not hasattr(record, "job_id"):
            record.job_id = job.id or ""
            record.task_name = job.task
        return True


class People(logging.Formatter):
    """One line for people: time, level, logger, task and short id, message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with control characters made visible."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        job = _job_of(record)
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        line = f"{clock}.{int(record.msecs):03d} {record.levelname:<7} {_process_of(record)} {job}{text}"
        return line.translate(_ESCAPES)


class Machines(logging.Formatter):
    """One JSON object a line, the same fields as keys."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, Any] = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": _process_of(record),
            "message": record.getMessage(),
        }
        fields.update({k: v for k in ("job_id", "task_name", "event") if (v := getattr(record, k, ""))})
        fields.update(getattr(record, "data", {}))
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields, enc_hook=str).decode()


def _process_of(record: logging.LogRecord) -> str:
    return getattr(record, "process_label", "")


def _job_of(record: logging.LogRecord) -> str:
    id, task = getattr(record, "job_id", ""), getattr(record, "task_name", "")
    return f"{task}[{id[-8:]}] " if id else ""


def set_up(
    level: str = "info",
    *,
    json_lines: bool = False,
    logfile: str | None = None,
    stream: TextIO | None = None,
    process: str = "main",
) -> None:
    """Send everything at this level or above to the file, or to stderr; for a process of our own only."""
    handler: logging.Handler
    handler = logging.FileHandler(logfile) if logfile else logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Machines() if json_lines else People())
    handler.addFilter(JobFilter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level.lower()])


def get_task_logger(name: str) -> logging.Logger:
    """The logger of a module of tasks; its records carry the id and the task of the running job."""
    logger = logging.getLogger(name)
    if not any(isinstance(f, JobFilter) for f in logger.filters):
        logger.addFilter(JobFilter())
    return logger


class EventLog:
    """A listener that writes one line an event."""

    def __init__(self, name: str = "cardoon.worker") -> None:
        self._log = logging.getLogger(name)

    @staticmethod
    def heard_at(level: str) -> list[str]:
        """The kinds of events that leave a line at this level; to hear the others would cost for nothing."""
        return [kind for kind in KINDS if _level_of(kind) >= LEVELS[level]]

    def __call__(self, event: Event) -> None:
        """Write it at the level that fits its kind."""
        level = _level_of(event.kind)
        if not self._log.isEnabledFor(level):
            return
        data = {name: value for name, value in event.data.items() if name != "error"}
        words = " ".join(f"{name}={_short(value)}" for name, value in data.items())
        text = " ".join(filter(None, [event.kind.partition(".")[2], words]))
        error = event.data.get("error")
        if error is not None:
            text = f"{text} {error}"
            if event.kind == "job.failed" and error.traceback:
                text = f"{text}\n{error.traceback.rstrip()}"
        extra = {"job_id": event.id, "task_name": event.task, "event": event.kind, "data": data}
        self._log.log(level, "%s", text, extra=extra)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _level_of(kind: str) -> int:
    return logging.DEBUG if kind in _QUIET else _GRAVE.get(kind, logging.INFO)
