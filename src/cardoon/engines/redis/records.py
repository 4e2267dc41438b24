"""Jobs as Redis keeps them, and back: the one record that holds everything of a job."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from cardoon.engines.redis.folding import unfolded
from cardoon.model import message as envelope
from cardoon.model.job import Claim, Job
from cardoon.model.message import Unreadable
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State

STATES = tuple(State)
CODES = {state: number for number, state in enumerate(STATES, 1)}
"""The numbers of the states, as the scripts know them."""

CANCELLING = 2
"""The bit in the flags of a running job that is not to wait again."""

_NIL = msgspec.Raw(b"\xc2")


class Rest(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What few jobs have, and those that ended, in the order of `lua/names.lua`; False for what is not."""

    finished: float | bool = False
    result: msgspec.Raw = _NIL
    error: msgspec.Raw = _NIL
    note: str | bool = False
    progress: msgspec.Raw = _NIL
    due: float | bool = False
    expires: float | bool = False
    retries: int | bool = 0
    crashes: int | bool = 0


NOTHING = Rest()


class Record(msgspec.Struct, frozen=True, gc=False):
    """A job as it is stored. `started` is 0 and `worker` empty where there is none."""

    state: int
    flags: int
    priority: int
    seq: int
    created: float
    queue: str
    body: bytes
    token: int = 0
    attempt: int = 0
    started: float = 0.0
    worker: str = ""
    rest: Rest = NOTHING


class Attempt(msgspec.Struct, array_like=True, frozen=True):
    """An attempt that did not end its job, or an end that was replayed."""

    state: int
    token: int
    attempt: int
    started: float | bool
    finished: float | bool
    worker: str | bool
    result: msgspec.Raw
    error: msgspec.Raw
    note: str | bool


class Note(msgspec.Struct, array_like=True, frozen=True):
    """Something that is attached to a job."""

    kind: msgspec.Raw
    data: msgspec.Raw


class _Loose(msgspec.Struct):
    """As much of a message as is told of one that cannot be read."""

    task: str = ""
    parent: str | None = None


_birth = struct.Struct("<BBBIHdH").unpack_from
_size = struct.Struct("<I").unpack_from
_attempt = struct.Struct("<IIdH").unpack_from
_BIRTH, _SIZE, _ATTEMPT = 19, 4, 18

_rest = msgspec.msgpack.Decoder(Rest).decode
kept_attempt = msgspec.msgpack.Decoder(Attempt).decode
note_of = msgspec.msgpack.Decoder(Note).decode
_loose = msgspec.json.Decoder(_Loose).decode
_errors = msgspec.json.Decoder(ErrorReport).decode


def record_of(data: bytes) -> Record:
    """A job from its record, as `lua/job.lua` writes it."""
    state, flags, priority, low, high, created, length = _birth(data)
    at = _BIRTH + length
    queue = data[_BIRTH:at].decode("utf-8", "surrogatepass")
    body, at = at + _SIZE, at + _SIZE + _size(data, at)[0]
    head = state, flags, priority, low | high << 32, created, queue, data[body:at]
    if at == len(data):
        return Record(*head)
    token, attempt, started, length = _attempt(data, at)
    worker = at + _ATTEMPT
    at = worker + length
    rest = _rest(data[at:]) if at < len(data) else NOTHING
    named = data[worker:at].decode("utf-8", "surrogatepass")
    return Record(*head, token, attempt, started, named, rest)


def data_of(raw: msgspec.Raw) -> bytes | None:
    """The bytes of a text of msgpack, which need not be UTF-8; None where there is none."""
    kept = bytes(raw)
    first = kept[0]
    if first == 0xC2:
        return None
    if first & 0xE0 == 0xA0:
        return kept[1:]
    return kept[{0xD9: 2, 0xDA: 3, 0xDB: 5}[first] :]


def or_none(value: Any) -> Any:
    """A value of a record, None where there is none."""
    return None if value is False else value


def body_of(id: str, record: Record) -> bytes:
    """The wire form of its message."""
    return unfolded(id, record.body)


def claim_of(id: str, record: Record, worker: str) -> Claim:
    """The claim of a running job; raises Unreadable."""
    message = envelope.decode(body_of(id, record))
    if message.id != id:
        raise Unreadable(f"the record of {id!r} holds the message of {message.id!r}")
    retries, crashes = int(record.rest.retries), int(record.rest.crashes)
    suspect = bool(record.flags & 1)
    return Claim(
        message, worker, record.token, record.attempt, retries, crashes, suspect, record.seq, record.started
    )


def loose_task(body: bytes) -> str:
    """The task that a body names, also one of a newer envelope; empty where none can be made out."""
    return _loosely(body).task


def _loosely(body: bytes) -> _Loose:
    try:
        return _loose(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Loose()


def decode_error(raw: msgspec.Raw) -> ErrorReport | None:
    """A stored error; one that cannot be read is reported as itself."""
    data = data_of(raw)
    if data is None:
        return None
    try:
        return _errors(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return ErrorReport(type="Unreadable", message=str(error))


def encode_error(error: ErrorReport | None) -> bytes | None:
    """An error as it is stored."""
    return None if error is None else msgspec.json.encode(error)


def job_of(id: str, record: Record) -> Job:
    """Everything that is known of a job."""
    body, rest = body_of(id, record), record.rest
    said = _loosely(body)
    return Job(
        id=id,
        task=said.task,
        queue=record.queue,
        priority=record.priority,
        state=STATES[record.state - 1],
        token=record.token,
        attempt=record.attempt,
        retries=int(rest.retries),
        crashes=int(rest.crashes),
        created=record.created,
        due=or_none(rest.due),
        expires=or_none(rest.expires),
        started=record.started or None,
        finished=or_none(rest.finished),
        worker=record.worker or None,
        parent=said.parent,
        result=data_of(rest.result),
        progress=data_of(rest.progress),
        error=decode_error(rest.error),
        note=or_none(rest.note) or "",
        body=body,
    )


def attempt_of(job: Job, attempt: Attempt) -> Job:
    """One earlier attempt of this job."""
    return Job(
        id=job.id,
        task=job.task,
        queue=job.queue,
        priority=job.priority,
        state=STATES[attempt.state - 1],
        token=attempt.token,
        attempt=attempt.attempt,
        started=or_none(attempt.started),
        finished=or_none(attempt.finished),
        worker=or_none(attempt.worker),
        result=data_of(attempt.result),
        error=decode_error(attempt.error),
        note=or_none(attempt.note) or "",
    )
