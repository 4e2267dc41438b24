"""From a call and its options to the message that travels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta
from types import NoneType
from typing import Any

import msgspec

from cardoon.model import codec
from cardoon.model import options as checks
from cardoon.model.errors import ConfigurationError, InvalidOption, NotSerializable, PayloadTooLarge
from cardoon.model.message import Message
from cardoon.model.queue import check_name

OPTIONS = (
    "countdown", "eta", "expires", "queue", "routing_key", "priority", "task_id", "link", "link_error",
    "time_limit", "soft_time_limit", "ignore_result", "headers", "root_id", "parent_id", "serializer", "tm",
)  # fmt: skip
"""Every option of `apply_async`."""


def arguments(args: object, kwargs: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `apply_async` as such; raises InvalidOption for what only looks like some."""
    if isinstance(args, (str, bytes, Mapping, Set)) or not isinstance(args, (Iterable, NoneType)):
        raise InvalidOption(f"args must be a list or tuple, not {args!r:.80}; for one argument write (x,)")
    if not isinstance(kwargs, (Mapping, NoneType)):
        raise InvalidOption(f"kwargs must be a mapping of names to values, not {kwargs!r:.80}")
    return tuple(args or ()), dict(kwargs or {})


def transaction_of(options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The transaction manager among these options, and the others."""
    return options.get("tm"), {name: value for name, value in options.items() if name != "tm"}


def changed(message: Message, options: Mapping[str, Any], task: str, **fields: Any) -> Message:
    """The message with these options applied; raises InvalidOption for what makes no sense."""
    return msgspec.structs.replace(message, **fields, **message_fields(options, task))


def message_fields(options: Mapping[str, Any], task: str) -> dict[str, Any]:
    """The fields of a message that these options set."""
    checks.unknown(options, OPTIONS, f"a call of {task}")
    given = {name: value for name, value in options.items() if value is not None}
    fields = {name: read(given) for name, (needs, read) in _READERS.items() if needs & given.keys()}
    if "tm" in given:
        raise InvalidOption(f"tm has no meaning here: only a job that is sent can wait for a commit ({task})")
    checks.time_limits(fields.get("time_limit"), fields.get("soft_time_limit"))
    if given.get("serializer", "json") not in checks.SERIALIZERS:
        raise InvalidOption(
            f"unknown serializer {given['serializer']!r}; there is: {', '.join(checks.SERIALIZERS)}"
        )
    return fields


def due(given: Mapping[str, Any]) -> float | None:
    """When the job may start: `eta` or `countdown`, not both."""
    eta: datetime | None = given.get("eta")
    countdown: float | timedelta | None = given.get("countdown")
    return checks.due(eta, countdown)


def _queue(given: Mapping[str, Any]) -> str:
    try:
        return check_name(str(given.get("queue", given.get("routing_key"))))
    except ConfigurationError as error:
        raise InvalidOption(str(error)) from None


def _id(given: Mapping[str, Any]) -> str:
    id = str(given["task_id"])
    if not 0 < len(id) <= 200 or not id.isprintable():
        raise InvalidOption(f"task_id must be 1 to 200 printable characters, not {given['task_id']!r}")
    return id


def _links(name: str, given: Mapping[str, Any]) -> list[Message]:
    links = given[name] if isinstance(given[name], (list, tuple)) else [given[name]]
    for link in links:
        if not isinstance(link, Message):
            raise InvalidOption(f"{name} takes signatures (task.s(...)), not {link!r}")
    return list(links)


def _headers(given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        packed = codec.pack(dict(given["headers"]))
    except NotSerializable as error:
        raise NotSerializable(f"headers: {error}") from None
    return packed  # type: ignore[no-any-return]


_READERS: dict[str, tuple[set[str], Any]] = {
    "due": ({"eta", "countdown"}, due),
    "expires": ({"expires"}, lambda given: checks.moment("expires", given["expires"])),
    "queue": ({"queue", "routing_key"}, _queue),
    "priority": ({"priority"}, lambda given: checks.priority(given["priority"])),
    "id": ({"task_id"}, _id),
    "link": ({"link"}, lambda given: _links("link", given)),
    "link_error": ({"link_error"}, lambda given: _links("link_error", given)),
    "time_limit": ({"time_limit"}, lambda given: checks.seconds("time_limit", given["time_limit"])),
    "soft_time_limit": (
        {"soft_time_limit"},
        lambda given: checks.seconds("soft_time_limit", given["soft_time_limit"]),
    ),
    "ignore_result": ({"ignore_result"}, lambda given: bool(given["ignore_result"])),
    "headers": ({"headers"}, _headers),
    "root": ({"root_id"}, lambda given: str(given["root_id"])),
    "parent": ({"parent_id"}, lambda given: str(given["parent_id"])),
}


def each_alone(items: Iterable[Any]) -> Iterable[tuple[Any]]:
    """Each item as the only argument of a call."""
    return ((item,) for item in items)


# -- refusals


def _largest(message: Message) -> str:
    """Which argument takes the most room."""
    parts = {
        **{f"argument {i + 1}": v for i, v in enumerate(message.args)},
        **{f"argument {k!r}": v for k, v in message.kwargs.items()},
    }
    sizes = {name: len(codec.dumps(value)) for name, value in parts.items()}
    if not sizes:
        return "its options"
    name = max(sizes, key=sizes.__getitem__)
    return f"{name} alone {sizes[name]:,}"


def too_large(message: Message, size: int, limit: int) -> PayloadTooLarge:
    """The error for a call that is too large, naming the argument that takes the most room."""
    return PayloadTooLarge(
        f"a call of {message.task} is {size:,} bytes, the limit is {limit:,} ({_largest(message)}); "
        "pass an id or a path instead"
    )


def unsayable(message: Message, error: UnicodeEncodeError) -> NotSerializable:
    """The error for a call with text that is no Unicode, naming the argument."""
    text = str(error.object)
    named = [*enumerate(message.args, 1), *message.kwargs.items()]
    where = next(
        (f"argument {name!r} of " for name, value in named if value == text or text in repr(value)), ""
    )
    return NotSerializable(f"{where}{message.task} holds a lone surrogate ({error.reason})")
