"""What operators do to jobs on SQLite: call them off, begin again with them, forget them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

import msgspec

from cardoon.engines.sqlite.rows import Core, Q
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.states import State

_MARKED, _TO_END = 1, 2
"""The column `cancel` of a running job: it is not to wait again; its worker is to end it."""


class Operators(Core):
    """Verbs on single jobs; see the contract for what each promises."""

    def cancel(self, ids: Collection[str], *, terminate: bool = False) -> dict[str, State]:
        """See `Broker.cancel`."""
        now, mark = clock.now(), _TO_END if terminate else _MARKED
        states: dict[str, State] = {}
        with self._files.writing() as db:
            for id in ids:
                for (queue,) in db.execute(Q["cancel"], (id, now)).fetchall():
                    self._tally(db, {(queue, State.CANCELLED): 1})
                db.execute(Q["mark_cancel"], (id, mark))
                row = db.execute(Q["state_of"], (id,)).fetchone()
                if row is not None:
                    states[id] = State(row[0])
        self._done.ring()
        return states

    def replay(self, ids: Collection[str]) -> list[str]:
        """See `Broker.replay`."""
        now = clock.now()
        with self._files.writing() as db:
            replayed = [id for id in dict.fromkeys(ids) if _begin_afresh(db, id, now)]
        self._ready.ring()
        return replayed

    def delete(self, ids: Collection[str]) -> list[str]:
        """See `Broker.delete`."""
        with self._files.writing() as db:
            gone = [id for id in dict.fromkeys(ids) if db.execute(Q["delete"], (id,)).rowcount == 1]
            self._forget_attached(db, gone)
        return gone

    def unpark(self, tasks: Collection[str]) -> int:
        """See `Broker.unpark`."""
        with self._files.writing() as db:
            back = sum(db.execute(Q["unpark"], (task,)).rowcount for task in set(tasks))
        if back:
            self._ready.ring()
        return back


def _begin_afresh(db: sqlite3.Connection, id: str, now: float) -> bool:
    row = db.execute(Q["has_ended"], (id,)).fetchone()
    if row is None:
        return False
    db.execute(Q["keep_end"], (id,))
    db.execute(Q["begin_afresh"], (id, now, _without_moments(row[0])))
    return True


def _without_moments(body: bytes) -> bytes:
    """The message as one that was never due or expired; one that cannot be read stays as it is."""
    try:
        message = envelope.decode(body)
    except (envelope.Unreadable, TypeError):
        return body
    if message.due is None and message.expires is None:
        return body
    return envelope.encode(msgspec.structs.replace(message, due=None, expires=None))
