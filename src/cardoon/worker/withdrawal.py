"""A process that always runs something makes room for suspects, which are to run alone.

Under a full line no process with threads or an event loop is ever empty by itself. So one that was not for a
while, and sees that suspects wait, claims nothing until its jobs have ended; then it is alone. One process of
all workers begins that at a time, another some seconds later if suspects still wait: jobs may be long.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.errors import EngineError

log = logging.getLogger("cardoon.worker")

LOOK_SECONDS = 0.5
"""So long it is not alone before it looks, and between two looks."""
TURN_SECONDS = 3.0
"""So long no other process withdraws after it."""
PATIENCE_SECONDS, REST_SECONDS = 20.0, 100.0
"""A job may take hours: who is not empty by the first takes jobs again, at least for the second."""
LOCK = "cardoon:withdrawal"


class Withdrawal:
    """Whether one process claims nothing more until it is empty."""

    def __init__(self, engine: Engine, worker: str, queues: Collection[str] | None) -> None:
        self._engine = engine
        self._worker = worker
        self._queues = queues
        self._at = clock.monotonic() + LOOK_SECONDS
        self._until = 0.0
        self._on = False

    def look(self, alone: bool) -> bool:
        """Whether to claim nothing now; asked before each claim, with whether nothing runs."""
        now = clock.monotonic()
        if alone:
            self._on, self._at = False, now + LOOK_SECONDS
        elif self._on and now >= self._until:
            self._on, self._at = False, now + REST_SECONDS
        elif not self._on and now >= self._at:
            self._at, self._until = now + LOOK_SECONDS, now + PATIENCE_SECONDS
            self._on = self._is_called_for()
        return self._on

    def _is_called_for(self) -> bool:
        """Whether suspects wait and it is its turn; who cannot tell asks again later."""
        try:
            return self._engine.has_suspects(self._queues) and self._takes_its_turn()
        except EngineError as error:
            log.debug("could not look for suspects: %s", error)
            return False

    def _takes_its_turn(self) -> bool:
        owner = clock.new_id()  # so that not even the same worker has two turns in a row
        return self._engine.acquire(LOCK, owner, seconds=TURN_SECONDS, worker=self._worker) is not None
