"""The catalogue entry of a queue: its name and what it is for."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from cardoon.model.errors import ConfigurationError

NAME_LIMIT = 200


class Queue(msgspec.Struct, frozen=True):
    """An ordered line of ready jobs, with a declared purpose.

    Once an application declares queues, sending to another one is refused. `start_within` is the
    promised time-to-start; it is kept with the entry and shown.
    """

    name: str
    start_within: timedelta | None = None
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)


def check_name(name: str) -> str:
    """The name itself; raises ConfigurationError for one that no queue may have."""
    if not name or len(name) > NAME_LIMIT or not name.isprintable() or "," in name:
        raise ConfigurationError(
            f"{name!r} cannot name a queue: 1 to {NAME_LIMIT} printable characters, no comma"
        )
    return name
