"""The message: one call to make, as it travels. Its wire form is `docs/wire-format.md`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from cardoon.model.errors import CardoonError

VERSION = 1
DEFAULT_QUEUE = "celery"
DEFAULT_PRIORITY = 5
PRIORITIES = range(10)


class Unreadable(CardoonError):
    """The bytes are no message that this version can read; the job is parked."""


class Message(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True, tag_field="v", tag=VERSION
):
    """One call of a task. Frozen; a retry with other arguments is a changed copy.

    `args` and `kwargs` are plain data: `codec.pack` made them so. Moments are seconds since the
    epoch, UTC; limits are seconds.
    """

    id: str
    task: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    queue: str = DEFAULT_QUEUE
    priority: int = DEFAULT_PRIORITY
    sent: float = 0.0
    due: float | None = None
    expires: float | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    ignore_result: bool | None = None
    root: str | None = None
    parent: str | None = None
    headers: dict[str, Any] = {}
    link: list[Message] = []
    link_error: list[Message] = []


_decoder = msgspec.json.Decoder(Message)


class _Envelope(msgspec.Struct):
    v: int = 0


encode: Callable[[Message], bytes] = msgspec.json.Encoder().encode
"""The wire form; raises OverflowError or UnicodeEncodeError only for data that was not packed."""


def decode(data: bytes) -> Message:
    """The message of a wire form; raises `Unreadable` with the reason for anything else.

    Unknown keys are passed over, so that a newer producer may add some within one version.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(_why_unreadable(data, error)) from None


def _why_unreadable(data: bytes, error: Exception) -> str:
    try:
        version = msgspec.json.decode(data, type=_Envelope).v
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return f"not a message: {error}"
    if version > VERSION:
        return f"envelope version {version}, this Cardoon reads {VERSION}: upgrade the workers"
    return f"not a message of version {VERSION}: {error}"
