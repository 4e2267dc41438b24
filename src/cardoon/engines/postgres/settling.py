"""The ends of attempts on PostgreSQL, as the functions of the schema take them."""

from __future__ import annotations

from collections.abc import Sequence

from cardoon.engines.contract import End
from cardoon.engines.postgres.rows import Core, encode_error, message_arrays, order_of_newest, stored
from cardoon.engines.postgres.wire import (
    bool_,
    byteas,
    float8,
    floats,
    int2s,
    int4,
    int4s,
    int8,
    int8s,
    texts,
)
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.states import FINAL

_NEWS_OF_AT_MOST = 100
"""So many ids of ended jobs fit into a notice; of more it says only that there were some."""
_NEWS_BYTES = 7_000
_NOTHING: list[bytes | None] = [None] * 10


def is_plain(end: End) -> bool:
    """Whether nothing but the end itself is to be written."""
    outcome = end[1]
    return outcome.state in FINAL and not outcome.follow and not outcome.log


def plain_arrays(ends: Sequence[End]) -> list[bytes | None]:
    """The first values of `exchange`: the ends by columns, and what sleepers are told of them."""
    if not ends:
        return _NOTHING
    ids = [claim.message.id for claim, _ in ends]
    return [*_arrays(ends), int8(order_of_newest(ids)), _news(ids).encode()]


def _arrays(ends: Sequence[End]) -> list[bytes]:
    return [
        int8s([claim.ref for claim, _ in ends]),
        texts([stored(claim.message.id) for claim, _ in ends]),
        int4s([claim.token for claim, _ in ends]),
        texts([outcome.state.value for _, outcome in ends]),
        byteas([outcome.result for _, outcome in ends]),
        byteas([encode_error(outcome.error) for _, outcome in ends]),
        texts([stored(outcome.note) for _, outcome in ends]),
        floats([outcome.started for _, outcome in ends]),
    ]


def _news(ids: list[str]) -> str:
    if len(ids) > _NEWS_OF_AT_MOST:
        return "d"
    text = "d" + "\n".join(ids)
    return text if len(text) < _NEWS_BYTES and "\0" not in text and text.isascii() else "d"


class Settling(Core):
    """Writes the ends with which more is to be written; see `Broker.settle` in the contract."""

    def _settle_values(self, ends: Sequence[End]) -> list[bytes | None]:
        changed = [outcome.message for _, outcome in ends]
        logs = [(n, data) for n, (_, outcome) in enumerate(ends, start=1) for data in outcome.log]
        follow = [(n, m) for n, (_, outcome) in enumerate(ends, start=1) for m in outcome.follow]
        *columns, since = message_arrays([m for _, m in follow])
        return [
            *_arrays(ends),
            floats([outcome.due for _, outcome in ends]),
            int4s([0 if outcome.charged else 1 for _, outcome in ends]),
            byteas([None if m is None else envelope.encode(m) for m in changed]),
            texts([None if m is None else stored(m.queue) for m in changed]),
            int2s([None if m is None else m.priority for m in changed]),
            int4s([n for n, _ in logs]),
            byteas([data for _, data in logs]),
            int4s([n for n, _ in follow]),
            *columns,
            float8(since),
            int4(self._table or self._found_table()),
            bool_(self._durable()),
            float8(clock.shift()),
        ]
