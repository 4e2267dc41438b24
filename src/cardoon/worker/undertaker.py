"""What becomes of the jobs of a process that ended. What the engine cannot take now is tried again."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cardoon.engines.contract import Engine
from cardoon.events import Events
from cardoon.model import flow, outcome
from cardoon.model.errors import EngineDamaged, EngineError, TimeLimitExceeded
from cardoon.model.outcome import ErrorReport
from cardoon.worker.death import Death

log = logging.getLogger("cardoon.supervisor")


class Undertaker:
    """Settles for the dead and retires them. `mourned` are the jobs whose hooks nobody told yet."""

    def __init__(self, engine: Engine, events: Events) -> None:
        self._engine = engine
        self._events = events
        self._deaths: list[Death] = []
        self._is_told = False
        self.mourned: list[str] = []

    @property
    def done(self) -> bool:
        """Whether every death is written down."""
        return not self._deaths

    def bury(self, death: Death) -> None:
        """Take this one in; `work` writes it down."""
        self._deaths.append(death)

    def work(self) -> None:
        """Write down what is not written yet, in the order in which it happened."""
        while self._deaths:
            try:
                self._write(self._deaths[0])
            except EngineDamaged as error:
                log.error("the end of a process cannot be written: %s", error)
            except EngineError as error:
                if not self._is_told:
                    log.warning("the end of a process could not be written yet (%s)", error)
                self._is_told = True
                return
            del self._deaths[0]
            self._is_told = False

    def _write(self, death: Death) -> None:
        if not death.orderly:
            self._settle_overdue(death)
        retired = self._engine.retire(death.worker, crashed=death.crashed, evidence=death.evidence)
        if not death.orderly:
            count = len(retired.returned)
            self._events.emit("worker.lost", worker=death.name, ended=death.cause, returned=count)
        self.mourn(retired.quarantined)
        if death.stack:
            log.error("%s crashed here:\n%s", death.name, death.stack)

    def mourn(self, quarantined: Sequence[str]) -> None:
        """Let the next process that is ready tell the hooks of these, and the listeners."""
        for id in quarantined:
            log.error("%s is quarantined: its workers died under it; see cardoon jobs show %s", id, id)
        self.mourned += quarantined

    def _settle_overdue(self, death: Death) -> None:
        """Its job passed the hard limit, and the process could not say so, or not to the engine."""
        moment, seconds, id = death.deadline
        if not moment or death.crashed:
            return
        report = ErrorReport.of(TimeLimitExceeded(f"the time limit of {seconds:g} s passed"))
        late = [
            (claim, outcome.failed(report, flow.after_failure(claim.message)))
            for claim in self._engine.held(death.worker)
            if claim.id == id
        ]
        if late and not self._engine.settle(late) and death.overtime:
            self.mourned.append(id)
