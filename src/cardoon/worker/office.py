"""The office of a supervisor: the thread that talks with the engine.

However long the engine takes to answer, the supervisor itself goes on to obey signals, to see deaths,
and to end what is over time: a process that is stuck may be the very one for which the engine waits.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, Queue

from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.worker import exits
from cardoon.worker.death import Death
from cardoon.worker.guard import Guard
from cardoon.worker.services.contract import Service
from cardoon.worker.services.rounds import Rounds
from cardoon.worker.undertaker import Undertaker

log = logging.getLogger("cardoon.supervisor")


class Office:
    """Makes the rounds of the services, and writes deaths down as soon as they are handed in.

    `mourn` is to let somebody tell of jobs that ended with their process; False when nobody can now.
    """

    def __init__(self, engine: Engine, undertaker: Undertaker, mourn: Callable[[list[str]], bool]) -> None:
        self._engine = engine
        self._undertaker = undertaker
        self._mourn = mourn
        self._guard = Guard(engine.close)
        self._rounds = Rounds((), self._guard)
        # No SimpleQueue: its `get` waits for ever when a signal ends a wait whose time has passed, as happens
        # when a worker was stopped as a whole and goes on.
        self._inbox: Queue[Death | type[Service] | None] = Queue()
        self._closing = False
        self._thread = threading.Thread(target=self._keep, name="cardoon-office", daemon=True)

    def open(self, services: Iterable[Service]) -> None:
        """Begin, with these services."""
        self._rounds = Rounds(services, self._guard)
        self._guard.start()
        self._thread.start()

    def hand_in(self, death: Death) -> None:
        """Write this down, and what it means for jobs."""
        self._inbox.put(death)

    def hurry(self, kind: type[Service]) -> None:
        """Let the services of this kind do their work now."""
        self._inbox.put(kind)

    @property
    def failure(self) -> str:
        """Why the engine cannot be spoken with now; empty when it can."""
        return self._rounds.failure

    def begin_to_close(self) -> None:
        """Make no more rounds; end when every death is written down."""
        self._closing = True
        self._inbox.put(None)

    def closed(self, seconds: float) -> bool:
        """Wait for its end, for so long; whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _keep(self) -> None:
        """A supervisor without its office would be alive and beat no more: better to end, and be replaced."""
        try:
            self._tell_profile()
            self._work()
            self._engine.close()
        except BaseException:
            log.critical("the office of the supervisor failed; ending this process", exc_info=True)
            os._exit(exits.CRASHED)

    def _tell_profile(self) -> None:
        """What the engine truly promises, whatever was asked for."""
        with suppress(EngineError):
            profile = self._engine.profile()
            log.info("engine %s, profile %s: %s", profile.version, profile.name, profile.sentence)
            for warning in profile.warnings:
                log.warning("%s", warning)

    def _work(self) -> None:
        while not (self._closing and self._inbox.empty() and self._undertaker.done):
            self._read(self._until_next())
            self._guard.since = clock.monotonic()
            self._undertaker.work()
            self._guard.since = None
            if not self._closing:
                self._rounds.run()
            if self._undertaker.mourned and self._mourn(self._undertaker.mourned):
                self._undertaker.mourned = []

    def _until_next(self) -> float:
        if not self._undertaker.done:
            return 0.2
        return max(0.0, min(self._rounds.moments(), default=clock.monotonic()) - clock.monotonic())

    def _read(self, seconds: float) -> None:
        try:
            paper = self._inbox.get(timeout=seconds)
        except Empty:
            return
        if isinstance(paper, Death):
            self._undertaker.bury(paper)
        elif paper is not None:
            self._rounds.hurry(paper)
