"""Patience with an engine that fails: it is asked again soon, but not by all at the same moment."""

from __future__ import annotations

import logging

from cardoon.model import clock
from cardoon.model.errors import EngineError

log = logging.getLogger("cardoon.worker")

LONGEST_PAUSE_SECONDS = 1.0
"""Work is to go on within two seconds of the return of the engine, and to connect takes a while, too."""

TELL_SECONDS = 5.0


class Patience:
    """`failures` counts the calls that failed in a row."""

    def __init__(self) -> None:
        self.failures = 0
        self._since = self._told = 0.0

    def rest(self, error: EngineError) -> None:
        """After a call that failed: sleep for a while that grows up to a second."""
        now = clock.monotonic()
        self._since = self._since if self.failures else now
        self.failures += 1
        if self.failures == 1 or now - self._told >= TELL_SECONDS:
            self._told = now
            log.warning("the engine failed (%s); trying again until it answers", error)
        clock.sleep(clock.full_jitter(min(0.1 * 2.0 ** min(self.failures, 10), LONGEST_PAUSE_SECONDS)))

    def rewarded(self) -> None:
        """After one that did not fail, when others did."""
        log.info("the engine answers again, after %.1f s", clock.monotonic() - self._since)
        self.failures = 0
