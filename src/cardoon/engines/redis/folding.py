"""Messages as Redis keeps them, and back: every job that waits pays for each byte of them in memory."""

from __future__ import annotations

import struct

import msgspec

from cardoon.engines.redis.keys import TEXT
from cardoon.model import message as envelope
from cardoon.model.message import Message

_HEAD = b'{"v":1,"id":"'
_TASK = b'","task":'
_HEAD_TO_TASK = len(_HEAD) + 36 + len(_TASK)
_ARGS, _FOR_ARGS = b',"args":[', b"\1"
_SENT, _FOR_SENT = b',"sent":', b"\2"
"""No JSON has the bytes that stand for these."""

_plain = msgspec.json.Encoder().encode
_moment, _moment_of = struct.Struct("<d").pack, struct.Struct("<d").unpack


def folded(key: bytes, message: Message) -> bytes:
    """The wire form; where the id is a UUID, half of it, without what the key says or all messages have.

    It then begins with the quote of the task's name, and ends with the eight bytes of the moment of sending.
    """
    body = envelope.encode(message)
    if key.startswith(TEXT):
        return body
    sent = float(message.sent)
    text = body[_HEAD_TO_TASK:-1]
    return text.replace(_ARGS, _FOR_ARGS).replace(_SENT + _plain(sent), _FOR_SENT) + _moment(sent)


def unfolded(id: str, body: bytes) -> bytes:
    """The whole wire form again; one that was not folded is whole."""
    if body[:1] != b'"' or len(body) < 8:
        return body
    sent = _plain(*_moment_of(body[-8:]))
    text = body[:-8].replace(_FOR_ARGS, _ARGS).replace(_FOR_SENT, _SENT + sent)
    return b"%b%b%b%b}" % (_HEAD, id.encode(), _TASK, text)
