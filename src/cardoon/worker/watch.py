"""The watch of a process: a thread that hears its supervisor, and sees to it that the process does not
outlive its parent, its bounds, or its usefulness.
"""

from __future__ import annotations

import logging
import os
import select
import threading

from cardoon.app import Cardoon
from cardoon.model.errors import EngineError
from cardoon.worker import exits
from cardoon.worker.job_log import JobLog
from cardoon.worker.last_words import LastWords
from cardoon.worker.lifetime import Bounds
from cardoon.worker.link import TO_PROCESS, End, Leaving, Link, Mourn, Quiet, Stacks, Stop, Told, ToProcess
from cardoon.worker.loop import Loop
from cardoon.worker.mourning import begin_to_mourn
from cardoon.worker.stacks import stacks

log = logging.getLogger("cardoon.worker")

LOOK_SECONDS = 1.0


class Watch:
    """Begins with `start`; lives as long as the process."""

    def __init__(
        self,
        app: Cardoon,
        loop: Loop,
        link: Link,
        bounds: Bounds,
        last_words: LastWords,
        job_log: JobLog,
    ) -> None:
        self._app = app
        self._job_log = job_log
        self._loop = loop
        self._link = link
        self._bounds = bounds
        self._last_words = last_words

    def start(self) -> None:
        """Watch, in a thread of its own; so does the guard, as storing logs is a call to the engine, too."""
        self._loop.guard.start()
        threading.Thread(target=self._keep, name="cardoon-watch", daemon=True).start()

    def _keep(self) -> None:
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        while True:
            if poll.poll(LOOK_SECONDS * 1000):
                for word in self._link.hear(TO_PROCESS):
                    self._obey(word)
                if not self._link.open:
                    os._exit(exits.ORPHANED)
            self._look()

    def _obey(self, word: ToProcess) -> None:
        match word:
            case Stop():
                self._loop.stop()
            case Quiet():
                self._loop.be_quiet(word.quiet)
            case End():
                self._end(word.job)
            case Mourn():
                begin_to_mourn(self._app, word.jobs)
            case Stacks():
                log.warning("stacks of process %d, asked for by a signal:\n%s", os.getpid(), stacks())
                self._link.say(Told())

    def _end(self, id: str) -> None:
        """It is asked first where it can be; if it still runs when this is said again, the process ends."""
        if self._loop.pool.cancel(id):
            return
        parted = self._loop.pool.part_with(id)
        if parted:
            self._last_words.cancelled(*parted)

    def _look(self) -> None:
        if self._bounds and not self._loop.stopping:
            self._leave_if_due()
        self._store_log()

    def _leave_if_due(self) -> None:
        why = self._bounds.passed(self._loop)
        if why:
            self._link.say(Leaving(why))
            self._loop.stop()

    def _store_log(self) -> None:
        try:
            self._job_log.store(self._app.engine)
        except EngineError as error:
            log.debug("what running jobs logged could not be stored yet: %s", error)
