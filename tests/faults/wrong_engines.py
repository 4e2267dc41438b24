"""Engines that break a sentence of the contract when something fails: the sweep must find each out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from cardoon.engines.contract import End, Retired
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.model.job import Claim
from cardoon.model.message import Message

from .outside import INTERRUPTED, KILLED, REFUSED, UNANSWERED


class OneByOne(SqliteEngine):
    """Stores the messages of a batch each in a step of its own."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        return [new for message in messages for new in super(OneByOne, self).push([message], by=by)]


class FreshIds(SqliteEngine):
    """Does not know a message again."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        return super().push([msgspec.structs.replace(m, id=clock.new_id()) for m in messages], by=by)


class Optimist(SqliteEngine):
    """Takes every error for nothing to worry about."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        try:
            return super().push(messages, by=by)
        except EngineError:
            return [True] * len(messages)


class Repeater(SqliteEngine):
    """Tries again by itself, whatever became of the first try."""

    def annotate(self, claim: Claim, kind: str, data: bytes) -> bool:
        try:
            return super().annotate(claim, kind, data)
        except EngineError:
            return super().annotate(claim, kind, data)


class Unfenced(SqliteEngine):
    """Lets any attempt end its job, as long as it runs."""

    def settle(self, ends: Sequence[End]) -> list[Claim]:
        held = {claim.id: claim for worker in self.workers() for claim in self.held(worker.worker)}
        return super().settle([(held.get(claim.id, claim), end) for claim, end in ends])


class Halves(SqliteEngine):
    """Gives back the jobs of a dead worker, and only then remembers that it is dead."""

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        with self._files.writing() as db:
            db.execute("UPDATE jobs SET state = 'ready', worker = NULL WHERE worker = ?", (worker,))
        return super().retire(worker, crashed=crashed, evidence=evidence)


class KeepsItsTurn(SqliteEngine):
    """Does not give back its turn after an error."""

    def purge(self, queues: Collection[str]) -> int:
        try:
            return super().purge(queues)
        except BaseException:
            self._files._take_turn()
            raise


class LeftOpen(SqliteEngine):
    """Leaves its transaction open when it is interrupted."""

    def pause(self, queue: str) -> None:
        with self._files.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE queues SET paused = 1 WHERE name = ?", (queue,))
            db.execute("COMMIT")


WRONG = [
    (OneByOne, "push, three", KILLED),
    (FreshIds, "push, one", REFUSED),
    (Optimist, "push, one", REFUSED),
    (Repeater, "annotate, a line", UNANSWERED),
    (Unfenced, "settle, one of them lost", REFUSED),
    (Halves, "retire, with two jobs", KILLED),
    (KeepsItsTurn, "purge, two queues", INTERRUPTED),
    (LeftOpen, "pause, an open queue", INTERRUPTED),
]
"""Each with a case and a kind of failure that shows it."""
