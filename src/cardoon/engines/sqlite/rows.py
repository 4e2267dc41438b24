"""What the two halves of the engine share: rows from messages and back, and the small writes of both."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cardoon.engines.sqlfile import queries
from cardoon.engines.sqlite.bell import Bell
from cardoon.engines.sqlite.connection import Connections
from cardoon.model import message as envelope
from cardoon.model.job import Claim, Job
from cardoon.model.message import Message, Unreadable
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import State


def _recognized(query: str) -> str:
    """With its first word in small letters.

    In a Turkish locale, where I is not the capital of i, Python's sqlite3 takes `INSERT` for no write, and
    counts no rows of it.
    """
    word, space, rest = query.partition(" ")
    return f"{word.lower()}{space}{rest}"


Q = {name: _recognized(query) for name, query in queries(Path(__file__).with_name("queries.sql")).items()}

RECHECK_SECONDS = 1.0
"""A bell is a hint and the table is the truth: whoever sleeps looks that often anyway."""

JOB_COLUMNS = Job.__struct_fields__
"""The columns of a job are the fields of what is told of it."""
_ATTEMPT_COLUMNS = (
    "id", "task", "queue", "priority", "state", "token", "attempt", "started", "finished", "worker", "result",
    "error", "note",
)  # fmt: skip

_errors = msgspec.json.Decoder(ErrorReport)


class Core:
    """The state of an engine object that all verbs use."""

    _files: Connections
    _ready: Bell
    _done: Bell
    _known: set[str]

    def _push(self, db: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> list[bool]:
        """Store new jobs in the open transaction; for each whether it is new."""
        for queue in {str(row[2]) for row in rows} - self._known:
            db.execute(Q["know_queue"], (queue,))
        if len(rows) == 1:
            return [db.execute(Q["push"], rows[0]).rowcount == 1]
        db.execute("SAVEPOINT push")
        if db.executemany(Q["push"], rows).rowcount == len(rows):
            db.execute("RELEASE push")
            return [True] * len(rows)
        # Something is repeated, which is rare: which one is told by doing it again one by one.
        db.execute("ROLLBACK TO push")
        db.execute("RELEASE push")
        return [db.execute(Q["push"], row).rowcount == 1 for row in rows]

    def _tally(self, db: sqlite3.Connection, ended: Mapping[tuple[str, State], int]) -> None:
        """Count the ends of jobs, a row for each queue and state."""
        db.executemany(Q["tally"], [(queue, str(state), n) for (queue, state), n in ended.items()])

    def _forget_attached(self, db: sqlite3.Connection, ids: Iterable[str]) -> None:
        """Forget what is kept beside the rows of these jobs."""
        for query in ("forget_attempts", "forget_annotations"):
            db.executemany(Q[query], [(id,) for id in ids])


def push_row(message: Message, now: float) -> tuple[object, ...]:
    """The row of a new job."""
    due = message.due
    state = "delayed" if due is not None and due > now else "ready"
    return (
        message.id,
        message.task,
        message.queue,
        message.priority,
        state,
        now,
        due,
        message.expires,
        message.parent,
        envelope.encode(message),
    )


def settled_row(claim: Claim, outcome: Outcome, now: float) -> tuple[object, ...]:
    """The values of a final end, its fence last."""
    return (
        outcome.state.value,
        outcome.result,
        encode_error(outcome.error),
        outcome.note,
        outcome.started,
        now,
        claim.ref,
        claim.message.id,
        claim.token,
        claim.claimed,
    )


def fence(claim: Claim) -> tuple[int, str, int, float]:
    """What only the attempt that owns its job knows, as the query `owns` asks for it."""
    return claim.ref, claim.message.id, claim.token, claim.claimed


def claim_of(row: tuple[Any, ...], worker: str) -> Claim:
    """The claim of a running job, of a row of the query `held`; raises Unreadable."""
    seq, id, body, token, attempt, retries, crashes, suspect, started = row
    message = envelope.decode(body)
    if message.id != id:
        raise Unreadable(f"the row of {id!r} holds the message of {message.id!r}")
    return Claim(message, worker, token, attempt, retries, crashes, bool(suspect), seq, started)


def encode_error(error: ErrorReport | None) -> bytes | None:
    """An error as it is stored."""
    return None if error is None else msgspec.json.encode(error)


def decode_error(data: bytes | None) -> ErrorReport | None:
    """A stored error; one that cannot be read is reported as itself."""
    if data is None:
        return None
    try:
        return _errors.decode(data)
    except (msgspec.MsgspecError, TypeError) as error:
        return ErrorReport(type="Unreadable", message=str(error))


def job_of(row: tuple[Any, ...]) -> Job:
    """The job of a row of `JOB_COLUMNS`."""
    return _job(JOB_COLUMNS, row)


def attempt_of(row: tuple[Any, ...]) -> Job:
    """One earlier attempt of a job, of a row of the query `attempts`."""
    return _job(_ATTEMPT_COLUMNS, row)


def _job(names: Sequence[str], row: tuple[Any, ...]) -> Job:
    fields = dict(zip(names, row, strict=True))
    fields["error"] = decode_error(fields["error"])
    try:
        return msgspec.convert(fields, Job, strict=True)
    except msgspec.ValidationError as error:
        return _unreadable(fields, error)


def _unreadable(fields: dict[str, Any], error: msgspec.ValidationError) -> Job:
    """A row that was damaged by hand: shown as what it says it is, and parked for all purposes."""
    said: dict[str, Any] = {name: str(fields.get(name)) for name in ("id", "task", "queue")}
    return Job(**said, priority=0, state=State.PARKED, note=f"this row cannot be read: {error}")
