"""A thread that looks at a pool every few milliseconds while the pool is busy."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("cardoon.worker")

LOOK_SECONDS = 0.025
"""How often it looks; a job that is still the same at the second look is slow."""


class Keeper:
    """Calls `look` while `work` is set; what a task does to its own thread cannot stop it."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self.work = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="cardoon-keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more; returns when the last look has ended."""
        self._closed.set()
        self.work.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._closed.is_set():
            self.work.wait()
            self._closed.wait(LOOK_SECONDS)
            try:
                self._look()
            except Exception:
                log.exception("looking after the running jobs failed; it is done again")
