"""What a job's own process could not do any more: telling the hooks of its task that it failed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from cardoon.app import Cardoon
from cardoon.context import Request, running
from cardoon.model import message as envelope
from cardoon.model.errors import CardoonError, TimeLimitExceeded, WorkerLostError
from cardoon.model.job import Claim, Job
from cardoon.model.outcome import Outcome
from cardoon.model.states import State
from cardoon.worker.execution import tell_of_failure

log = logging.getLogger("cardoon.worker")


def begin_to_mourn(app: Cardoon, ids: Sequence[str]) -> None:
    """Call `on_failure` and `after_return` for these jobs, in a thread: hooks may take their time.

    What a hook raises changes nothing.
    """
    threading.Thread(target=_mourn, args=(app, ids), name="cardoon-mourning", daemon=True).start()


def _mourn(app: Cardoon, ids: Sequence[str]) -> None:
    for id in ids:
        try:
            job = app.engine.result(id)
            if job is not None and job.state in (State.FAILED, State.QUARANTINED):
                _tell(app, job)
        except Exception:
            log.exception("the hooks of %s could not be told of its end", id)


def _tell(app: Cardoon, job: Job) -> None:
    claim = Claim(
        envelope.decode(job.body),
        job.worker or "",
        job.token,
        job.attempt,
        job.retries,
        job.crashes,
        claimed=job.started or job.created,
    )
    with running(Request(claim)):
        tell_of_failure(app, claim, Outcome(state=job.state, error=job.error), _error(job))


def _error(job: Job) -> CardoonError:
    kind = WorkerLostError if job.state is State.QUARANTINED else TimeLimitExceeded
    return kind(job.error.message if job.error else job.note)
