"""Whether anybody takes the jobs of a queue: told where a job is sent, as there it is noticed soonest."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from cardoon.context import current_job
from cardoon.engines.contract import Engine
from cardoon.engines.silence import proven_dead
from cardoon.model.errors import EngineError
from cardoon.model.job import Report
from cardoon.model.message import Message

log = logging.getLogger("cardoon")


def consumers(workers: Iterable[Report], queue: str) -> list[Report]:
    """Those of these workers that take jobs of this queue, without those that are dead by proof."""
    return [w for w in workers if (not w.queues or queue in w.queues) and not proven_dead(w)]


def warn_if_none(engine: Engine, message: Message) -> None:
    """Log a warning if no live worker takes the jobs of this message's queue; it is stored already.

    Silent inside a job of that queue, whose worker takes them, and for an engine of this process alone,
    which no other process could consume.
    """
    job = current_job()
    if not engine.capabilities.shared or (job.id and job.claim.message.queue == message.queue):
        return
    try:
        workers = engine.workers()
    except EngineError:
        return  # the job is stored, and its sender has nothing to mend
    if not consumers(workers, message.queue):
        log.warning(
            "%s[%s] waits: no live worker takes jobs of the queue %r; start one: cardoon worker -Q %s",
            message.task,
            message.id,
            message.queue,
            message.queue,
        )
