"""What the halves of the engine share: its connections and ears, and how messages and claims are said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

import msgspec

from cardoon.engines.contract import names
from cardoon.engines.redis.connection import Connections
from cardoon.engines.redis.ears import Ears
from cardoon.engines.redis.folding import folded
from cardoon.engines.redis.keys import key_of, keys_of
from cardoon.engines.redis.wire import Value, packed
from cardoon.model.job import Claim
from cardoon.model.message import Message

_SAME = packed([""])
_JOB = b"$%d\r\n%b\r\n%b$%d\r\n%b\r\n"
"""The key of a job, where it goes (packed already), and its body."""


class Core:
    """The state of an engine object that all verbs use."""

    _server: Connections
    _ears: Ears


def address_of(message: Message) -> bytes:
    """Where a message goes, as `lua/put.lua` reads it."""
    if message.due is None and message.expires is None:
        return _usual_address(message.priority, message.queue)
    due = "-" if message.due is None else repr(message.due)
    expires = "-" if message.expires is None else repr(message.expires)
    return f"{message.priority} {due} {expires} {message.queue}".encode()


@lru_cache
def _usual_address(priority: int, queue: str) -> bytes:
    return f"{priority} - - {queue}".encode()


def packed_messages(messages: Sequence[Message]) -> bytes:
    """The values of new jobs, packed; raises what `encode` raises before anything is sent."""
    parts = []
    before: object = None
    for key, message in zip(keys_of([message.id for message in messages]), messages, strict=True):
        body = folded(key, message)
        to = message.priority, message.due, message.expires, message.queue
        told = _SAME if to == before else packed([address_of(message)])
        parts.append(_JOB % (len(key), key, told, len(body), body))
        before = to
    return b"".join(parts)


def packed_one(message: Message) -> bytes:
    """The values of a new job that is ready at once, as `lua/push_one.lua` takes them."""
    key = key_of(message.id)
    body = folded(key, message)
    return _JOB % (len(key), key, _packed_line(message.priority, message.queue), len(body), body)


@lru_cache
def _packed_line(priority: int, queue: str) -> bytes:
    return packed([priority, queue])


def fence(claim: Claim) -> tuple[Value, ...]:
    """What only the attempt that owns its job knows."""
    return key_of(claim.id), claim.ref, claim.token


def said(queues: Collection[str] | None) -> bytes:
    """Queues as the scripts read them: `*` for all, else an array."""
    wanted = names(queues)
    return b"*" if wanted is None else msgspec.msgpack.encode(wanted)
