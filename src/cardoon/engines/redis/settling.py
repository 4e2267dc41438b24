"""The ends of attempts as `lua/settle.lua` reads them."""

from __future__ import annotations

import struct

from cardoon.engines.contract import End
from cardoon.engines.redis.core import address_of, packed_messages
from cardoon.engines.redis.folding import folded
from cardoon.engines.redis.records import CODES, encode_error
from cardoon.engines.redis.wire import packed
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome
from cardoon.model.states import State

_HAS_RESULT, _HAS_ERROR, _HAS_NOTE, _HAS_TASK, _HAS_MESSAGE = 1, 2, 4, 8, 16
_UNCHARGED, _HAS_DUE, _HAS_START = 32, 64, 128

_head = struct.Struct("<ddBBddII").pack


def packed_end(key: bytes, end: End) -> tuple[bytes, int]:
    """One end without its id, whose key is given, packed, and how many values that makes."""
    claim, outcome = end
    marks, values = _marked(key, claim, outcome)
    follow, log = outcome.follow, outcome.log
    values[0] = _head(
        claim.ref,
        claim.token,
        CODES[outcome.state],
        marks,
        outcome.due or 0.0,
        outcome.started or 0.0,
        len(log),
        len(follow),
    )
    if log:
        values += log
    data = packed(values)
    return (data + packed_messages(follow), len(values) + 3 * len(follow)) if follow else (data, len(values))


def _marked(key: bytes, claim: Claim, outcome: Outcome) -> tuple[int, list[bytes]]:
    """The marks of an outcome and, after a place for the head, what they announce, in their order."""
    marks, values = 0, [b""]
    if outcome.result is not None:
        marks = _HAS_RESULT
        values.append(outcome.result)
    if outcome.started is not None:
        marks |= _HAS_START
    if outcome.error is not None:
        marks |= _HAS_ERROR
        values.append(encode_error(outcome.error) or b"")
    if outcome.note:
        marks |= _HAS_NOTE
        values.append(outcome.note.encode())
    if outcome.state is State.PARKED:
        marks |= _HAS_TASK
        values.append(claim.message.task.encode("utf-8", "surrogatepass"))
    if outcome.message is not None:
        marks |= _HAS_MESSAGE
        values += address_of(outcome.message), folded(key, outcome.message)
    if outcome.due is not None:
        marks |= _HAS_DUE
    return (marks if outcome.charged else marks | _UNCHARGED), values
