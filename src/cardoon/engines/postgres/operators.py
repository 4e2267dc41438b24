"""What operators do to jobs on PostgreSQL: call them off, begin again with them, forget them."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from cardoon.engines.postgres.connection import Connection
from cardoon.engines.postgres.rows import Core, stored, told
from cardoon.engines.postgres.wire import Texts, byteas, texts
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.states import State

_MARKED, _TO_END = 1, 2
"""The column `cancel` of a running job: it is not to wait again; its worker is to end it."""


class Operators(Core):
    """Verbs on single jobs; see the contract for what each promises."""

    def cancel(self, ids: Collection[str], *, terminate: bool = False) -> dict[str, State]:
        """See `Broker.cancel`."""
        mark = _TO_END if terminate else _MARKED
        values = [_array(ids), mark, self._table or self._found_table(), self._durable(), clock.shift()]
        states = {
            told(id): State(state) for id, state in self._connections.fetch(self._sql("cancel"), values)
        }
        return {id: states[id] for id in ids if id in states}

    def replay(self, ids: Collection[str]) -> list[str]:
        """See `Broker.replay`."""
        replayed = self._connections.step(lambda db: self._replayed(db, ids))
        return [id for id in dict.fromkeys(ids) if id in replayed]

    def _replayed(self, db: Connection, ids: Collection[str]) -> set[str]:
        wanted, shift = _array(ids), clock.shift()
        ended = db.execute(self._sql("ended_bodies"), [wanted], binary=True).fetchall()
        parked = db.execute(self._sql("parked_bodies"), [wanted], binary=True).fetchall()
        found: set[str] = set()
        if ended:
            db.execute(self._sql("keep_end"), [texts([id for id, _ in ended])])
            bodies = byteas([_without_moments(body) for _, body in ended])
            values = [texts([id for id, _ in ended]), bodies, shift]
            found |= {id for (id,) in db.execute(self._sql("leave_history"), values)}
        if parked:
            bodies = byteas([_without_moments(body) for _, body in parked])
            values = [shift, texts([id for id, _ in parked]), bodies]
            found |= {id for (id,) in db.execute(self._sql("unpark_afresh"), values)}
        if found:
            self._returned(db)
        return {told(id) for id in found}

    def delete(self, ids: Collection[str]) -> list[str]:
        """See `Broker.delete`."""
        gone = self._connections.step(lambda db: self._deleted(db, _array(ids)))
        return [id for id in dict.fromkeys(ids) if id in gone]

    def _deleted(self, db: Connection, ids: Texts) -> set[str]:
        # A replay may move one to the first table while we wait for it in the second.
        steps = ("delete_open", "delete_ended", "delete_open")
        gone = {id for name in steps for (id,) in db.execute(self._sql(name), [ids])}
        for name in ("forget_attempts", "forget_annotations") if gone else ():
            db.execute(self._sql(name), [texts(gone)])
        return {told(id) for id in gone}

    def unpark(self, tasks: Collection[str]) -> int:
        """See `Broker.unpark`."""

        def work(db: Connection) -> int:
            back = db.execute(self._sql("unpark"), [_array(tasks)]).rowcount
            if back:
                self._returned(db)
            return back

        return self._connections.step(work) if tasks else 0


def _array(names: Collection[str]) -> Texts:
    return texts([stored(name) for name in names])


def _without_moments(body: bytes) -> bytes:
    """The message as one that was never due or expired; one that cannot be read stays as it is."""
    try:
        message = envelope.decode(body)
    except envelope.Unreadable:
        return body
    if message.due is None and message.expires is None:
        return body
    return envelope.encode(msgspec.structs.replace(message, due=None, expires=None))
