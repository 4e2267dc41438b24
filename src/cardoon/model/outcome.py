"""What became of an attempt: decided once, settled once, in one step."""

from __future__ import annotations

import traceback
from typing import Any

import msgspec

from cardoon.model.message import Message
from cardoon.model.states import State

MESSAGE_LIMIT = 4_096
PACKAGE = __file__.rpartition("model")[0]
"""The folder of Cardoon itself."""

TRACEBACK_LIMIT = 16_384


class ErrorReport(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An error as it travels: names and text, never an object. `args` are plain data."""

    module: str = "builtins"
    type: str
    message: str = ""
    args: list[Any] = []
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException, packed_args: list[Any] | None = None) -> ErrorReport:
        """The report of an exception, its texts cut to their limits; survives one whose `str()` raises."""
        kind = type(error)
        return cls(
            module=str(kind.__module__),
            type=kind.__qualname__,
            message=_printable(_cut(_text(error))),
            args=packed_args or [],
            traceback=_printable(_traceback(error)),
        )

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one attempt, with everything that must happen in the same step.

    `charged` is False when the attempt does not count (orderly return of work that was not
    started). `due` is when a retry may start. `message` replaces the job's message on a retry with
    other arguments. `follow` are messages pushed in the same step. `result` is None when nothing
    is stored. `log` are annotations of the kind "log", attached in the same step.
    """

    state: State
    result: bytes | None = None
    error: ErrorReport | None = None
    note: str = ""
    due: float | None = None
    charged: bool = True
    message: Message | None = None
    follow: tuple[Message, ...] = ()
    started: float | None = None
    log: tuple[bytes, ...] = ()


def succeeded(result: bytes | None, follow: tuple[Message, ...] = ()) -> Outcome:
    """The body returned; `result` is its packed value, or None when results are ignored."""
    return Outcome(state=State.SUCCEEDED, result=result, follow=follow)


def result_lost(note: str) -> Outcome:
    """The body returned something that cannot be stored; it is not run again for that."""
    return Outcome(state=State.RESULT_LOST, note=_printable(note))


def retrying(due: float, error: ErrorReport | None, message: Message | None = None) -> Outcome:
    """Run again not before `due`, with the same message unless another is given."""
    return Outcome(state=State.RETRYING, due=due, error=error, message=message)


def failed(error: ErrorReport | None, follow: tuple[Message, ...] = ()) -> Outcome:
    """The last attempt raised. Without `error` the reason was not to be stored."""
    return Outcome(state=State.FAILED, error=error, follow=follow)


def skipped(note: str, result: bytes | None = None) -> Outcome:
    """Ended on purpose without doing its work."""
    return Outcome(state=State.SKIPPED, note=_printable(note), result=result)


def cancelled(note: str) -> Outcome:
    """Ended while it ran, because somebody asked for that."""
    return Outcome(state=State.CANCELLED, note=_printable(note))


def returned() -> Outcome:
    """Back to its place in the line, free of charge: the attempt did not start."""
    return Outcome(state=State.READY, charged=False)


def parked(note: str) -> Outcome:
    """No worker of this kind can run it; kept until one that can appears."""
    return Outcome(state=State.PARKED, note=_printable(note), charged=False)


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + "[...]"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as worse:
        return f"<str() of {type(error).__name__} raised {type(worse).__name__}>"


def _traceback(error: BaseException) -> str:
    try:
        written = traceback.TracebackException.from_exception(error)
        _leave_to_the_user(written)
        text = "".join(written.format())
    except BaseException as worse:
        return f"<traceback could not be written: {type(worse).__name__}>"
    return text if len(text) <= TRACEBACK_LIMIT else "[...]\n" + text[-TRACEBACK_LIMIT:]


def _leave_to_the_user(written: traceback.TracebackException | None) -> None:
    """Leave out Cardoon's own frames, here and in what led to it; all are kept where no other is."""
    while written is not None:
        frames = [frame for frame in written.stack if not frame.filename.startswith(PACKAGE)]
        if frames:
            written.stack[:] = frames
        _leave_to_the_user(written.__context__)
        written = written.__cause__


def _printable(text: str) -> str:
    """The text with lone surrogates made visible, so that every engine can store it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
