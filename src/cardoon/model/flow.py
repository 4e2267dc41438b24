"""What follows a job: (message, value) -> the messages to push in the step that ends it."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from cardoon.model import clock
from cardoon.model.message import Message

_FOLLOWS = uuid.UUID("8f0a4c1e-6d5b-5b7e-9a1c-2f3d4e5a6b7c")
"""The namespace of the ids of follow-ups (RFC 9562, version 5)."""


def after_success(message: Message, packed_value: Any) -> tuple[Message, ...]:
    """The `link` messages, each with the value before its own arguments unless it is immutable."""
    return tuple(_child(message, n, link, packed_value) for n, link in enumerate(message.link))


def after_failure(message: Message) -> tuple[Message, ...]:
    """The `link_error` messages, each with the failed job's id before its own arguments."""
    return tuple(_child(message, n, link, message.id) for n, link in enumerate(message.link_error))


def _child(parent: Message, number: int, link: Message, value: Any) -> Message:
    """The id follows from the parent's, so that settling twice makes one job."""
    immutable = bool(link.headers.get("immutable"))
    return msgspec.structs.replace(
        link,
        id=str(uuid.uuid5(_FOLLOWS, f"{parent.id}/{number}/{link.id}")),
        sent=clock.now(),
        args=link.args if immutable else [value, *link.args],
        root=parent.root or parent.id,
        parent=parent.id,
    )
