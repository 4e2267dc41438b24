"""The guard over calls to the engine: one that neither answers nor fails is not waited for without end."""

from __future__ import annotations

import faulthandler
import logging
import os
import threading
from collections.abc import Callable

from cardoon.model import clock
from cardoon.worker import exits

log = logging.getLogger("cardoon.worker")

LOOK_SECONDS = 5.0
REBUILD_SECONDS = 30.0
STUCK_SECONDS = 90.0


class Guard:
    """Looks at `since`, the moment (monotonic) when the present call began, None between calls.

    After 30 s the connection is closed under it, so that the call fails and the next one begins afresh;
    after 90 s the process ends with a code that is not 0, for whoever started it to start another
    (reliability G16).
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self.since: float | None = None
        self._close = close
        self._closed_for: float | None = None

    def start(self) -> None:
        """Look every few seconds, in a thread of its own."""
        threading.Thread(target=self._keep, name="cardoon-guard", daemon=True).start()

    def _keep(self) -> None:
        never = threading.Event()
        while not never.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Do what is due; called every few seconds, by a thread that makes no call itself."""
        since = self.since
        if since is None:
            return
        waited = clock.monotonic() - since
        if waited > STUCK_SECONDS:
            log.critical("a call to the engine has not answered for %.0f s; ending this process", waited)
            faulthandler.dump_traceback()
            os._exit(exits.STUCK)
        if waited > REBUILD_SECONDS and self._closed_for != since:
            self._closed_for = since
            log.error("a call to the engine has not answered for %.0f s; closing the connection", waited)
            threading.Thread(target=self._close, name="cardoon-close", daemon=True).start()
