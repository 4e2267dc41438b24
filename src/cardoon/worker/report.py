"""What a process says of itself with each beat."""

from __future__ import annotations

import os

from cardoon.engines import silence
from cardoon.model import clock
from cardoon.model.job import Report
from cardoon.worker.plan import Orders, Plan


def own_report(orders: Orders) -> Report:
    """What is to be known of this process, before it claims anything."""
    pid = os.getpid()
    return Report(
        worker=orders.worker,
        supervisor=str(orders.supervisor),
        name=f"{orders.plan.name or silence.host()}/{orders.number}",
        host=silence.host(),
        boot=silence.boot_id(),
        pid=pid,
        pid_started=silence.process_start(pid),
        queues=orders.plan.queues or [],
        slots=slots(orders.plan),
        started=clock.now(),
    )


def slots(plan: Plan) -> int:
    """How many jobs a process may run at once; see `floor` for its lanes."""
    return plan.threads + plan.coroutines or 1
