"""The ends of attempts as `lua/settle.lua` reads them."""

from __future__ import annotations

import struct

from cardoon.engines.contract import End
from cardoon.engines.redis.core import address_of, packed_messages
from cardoon.engines.redis.records import CODES, encode_error, folded, key_of
from cardoon.engines.redis.wire import packed
from cardoon.model.outcome import Outcome
from cardoon.model.states import State

_HAS_RESULT, _HAS_ERROR, _HAS_NOTE, _HAS_TASK, _HAS_MESSAGE = 1, 2, 4, 8, 16
_UNCHARGED, _HAS_DUE, _HAS_START = 32, 64, 128

_head = struct.Struct("<ddBBddII").pack


def packed_end(end: End) -> tuple[bytes, int]:
    """One end without its id, packed, and how many values that makes."""
    claim, outcome = end
    key = key_of(claim.id)
    marks, values = _marked(key, outcome, claim.message.task)
    head = _head(
        claim.ref,
        claim.token,
        CODES[outcome.state],
        marks,
        outcome.due or 0.0,
        outcome.started or 0.0,
        len(outcome.log),
        len(outcome.follow),
    )
    data = packed([head, *values, *outcome.log])
    many = 1 + len(values) + len(outcome.log) + 3 * len(outcome.follow)
    return (data + packed_messages(outcome.follow), many) if outcome.follow else (data, many)


def _marked(key: bytes, outcome: Outcome, task: str) -> tuple[int, list[bytes]]:
    """The marks of an outcome, and the values that they announce, in their order."""
    marks, values = 0, []
    for mark, value in _values(key, outcome, task):
        marks |= mark
        values += value
    for mark, holds in (
        (_UNCHARGED, not outcome.charged),
        (_HAS_DUE, outcome.due is not None),
        (_HAS_START, outcome.started is not None),
    ):
        marks |= mark * holds
    return marks, values


def _values(key: bytes, outcome: Outcome, task: str) -> list[tuple[int, list[bytes]]]:
    found: list[tuple[int, list[bytes]]] = []
    if outcome.result is not None:
        found.append((_HAS_RESULT, [outcome.result]))
    if outcome.error is not None:
        found.append((_HAS_ERROR, [encode_error(outcome.error) or b""]))
    if outcome.note:
        found.append((_HAS_NOTE, [outcome.note.encode()]))
    if outcome.state is State.PARKED:
        found.append((_HAS_TASK, [task.encode("utf-8", "surrogatepass")]))
    if outcome.message is not None:
        found.append((_HAS_MESSAGE, [address_of(outcome.message), folded(key, outcome.message)]))
    return found
