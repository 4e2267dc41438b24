"""What operators do to jobs on Redis: call them off, begin again with them, forget them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from cardoon.engines.redis.core import Core
from cardoon.engines.redis.folding import folded
from cardoon.engines.redis.keys import key_of
from cardoon.engines.redis.records import STATES, Record, body_of, record_of
from cardoon.engines.redis.wire import Value
from cardoon.model import message as envelope
from cardoon.model.errors import EngineBusy
from cardoon.model.message import Unreadable
from cardoon.model.states import FINAL, State

_REPLAYABLE = FINAL | {State.PARKED}
_TRIES = 20


class Operators(Core):
    """Verbs on single jobs; see the contract for what each promises."""

    def cancel(self, ids: Collection[str], *, terminate: bool = False) -> dict[str, State]:
        """See `Broker.cancel`."""
        wanted = list(ids)
        states = self._server.run("cancel", int(terminate), "", *map(key_of, wanted)) if wanted else []
        return {id: STATES[state - 1] for id, state in zip(wanted, states, strict=True) if state}

    def replay(self, ids: Collection[str]) -> list[str]:
        """See `Broker.replay`. What is decided from what was read is written only where that still holds."""
        wanted = list(dict.fromkeys(ids))
        for _ in range(_TRIES if wanted else 0):
            records = [(id, record) for id, record in self._records(wanted) if _may_be_replayed(record)]
            values = [value for id, record in records for value in _afresh(id, record)]
            if not records or self._server.run("replay", *values) == 1:
                return [id for id, _record in records]
        if wanted:
            raise EngineBusy(f"{self._server.place.shown}: the jobs kept changing; nothing was replayed")
        return []

    def _records(self, ids: Sequence[str]) -> list[tuple[str, Record]]:
        """The records of those of these jobs that are known."""
        keys = [self._server.key(b"j", key_of(id)) for id in ids]
        kept = self._server.command("MGET", *keys)
        return [(id, record_of(data)) for id, data in zip(ids, kept, strict=True) if data is not None]

    def delete(self, ids: Collection[str]) -> list[str]:
        """See `Broker.delete`."""
        wanted = list(dict.fromkeys(ids))
        gone = self._server.run("delete", *map(key_of, wanted)) if wanted else []
        return [id for id, is_gone in zip(wanted, gone, strict=True) if is_gone]

    def unpark(self, tasks: Collection[str]) -> int:
        """See `Broker.unpark`."""
        return int(self._server.run("unpark", *set(tasks))) if tasks else 0


def _may_be_replayed(record: Record) -> bool:
    return STATES[record.state - 1] in _REPLAYABLE


def _afresh(id: str, record: Record) -> tuple[Value, ...]:
    """The values of one job for `lua/replay.lua`."""
    return key_of(id), record.state, record.token, _without_moments(id, record)


def _without_moments(id: str, record: Record) -> bytes:
    """The message as one that was never due or expired; nothing where it stays as it is."""
    try:
        message = envelope.decode(body_of(id, record))
    except Unreadable:
        return b""
    if message.due is None and message.expires is None:
        return b""
    return folded(key_of(id), msgspec.structs.replace(message, due=None, expires=None))
