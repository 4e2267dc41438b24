"""The rounds of a supervisor: each service is called when its time has come."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.worker.guard import Guard
from cardoon.worker.services.contract import Service

log = logging.getLogger("cardoon.supervisor")

EARLY = 0.25
"""A service is called by so much of its pace too early, if another is due: one wake-up serves both."""

AGAIN_SECONDS = 0.25
"""So soon a service is called again for which the engine failed; each time in a row twice as late."""


class Rounds:
    """Calls services, at first all of them at once; what one raises is logged, and it is called again: soon,
    when the engine failed, since it may have been one connection, and then at a pace that falls to its own.

    `failure` says why the last call failed; empty when it did not.
    """

    def __init__(self, services: Iterable[Service], guard: Guard) -> None:
        self._due = dict.fromkeys(services, clock.monotonic())
        self._pauses: dict[Service, float] = {}
        self._guard = guard
        self.failure = ""

    def moments(self) -> Iterator[float]:
        """When the services are due (monotonic)."""
        return iter(self._due.values())

    def hurry(self, kind: type[Service]) -> None:
        """Let the services of this kind be due now."""
        self._due |= {service: clock.monotonic() for service in self._due if isinstance(service, kind)}

    def run(self) -> None:
        """Call those that are due, or nearly; their next time is up to a tenth of their pace off."""
        for service, due in self._due.items():
            if due <= clock.monotonic() + self._pace(service) * EARLY:
                self._call(service)
                pace = self._pace(service)
                self._due[service] = clock.monotonic() + pace * 0.9 + clock.full_jitter(pace * 0.2)

    def _pace(self, service: Service) -> float:
        return min(service.every, self._pauses.get(service, service.every))

    def _call(self, service: Service) -> None:
        self._guard.since = clock.monotonic()
        try:
            service.run()
            self.failure = ""
            self._pauses.pop(service, None)
        except EngineError as error:
            self._pauses[service] = self._pauses.get(service, AGAIN_SECONDS / 2) * 2
            self.failure = f"the engine failed: {error}"
            log.warning("%s", self.failure)
        except Exception as error:
            self.failure = f"a service failed: {type(error).__name__}"
            log.exception("a service failed; the others go on")
        finally:
            self._guard.since = None
