"""The middle of a demo: watching the jobs, and killing one of the processes that run them."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from typing import NamedTuple

from cardoon.cli.demo.screen import Screen
from cardoon.cli.demo.worker import PROCESSES, Worker
from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.job import Filter
from cardoon.model.states import FINAL, State

_KILL_AFTER = 1 / 3
_ALERT_SECONDS, _CALM_SECONDS = 0.003, 0.05
_AT_ONCE = 1_000


class Kill(NamedTuple):
    """The incarnation that was killed, its pid, and when, in seconds since the epoch."""

    worker: str
    pid: int
    moment: float


def watch(engine: Engine, worker: Worker, total: int, screen: Screen) -> Kill | None:
    """Until all `total` jobs are final; the kill, or None when they were done before one could be made."""
    kill = None
    while True:
        done, stuck = _progress(engine)
        screen.show(done)
        if done + stuck >= total:
            return kill
        worker.check()
        if kill is None and done >= total * _KILL_AFTER:
            kill = _kill_one(engine)
            if kill is not None:
                screen.say(
                    f"killed one of the worker's {PROCESSES} processes (SIGKILL to {kill.pid}) "
                    f"at {100 * done // total} %"
                )
        time.sleep(_CALM_SECONDS if kill else _ALERT_SECONDS)


def _progress(engine: Engine) -> tuple[int, int]:
    """How many jobs are final, and how many will never be."""
    states: Counter[State] = Counter()
    for counts in engine.count().values():
        states.update(counts)
    return sum(states[state] for state in FINAL), states[State.PARKED]


def _kill_one(engine: Engine) -> Kill | None:
    """Kill the process with the most jobs in its hands; None when none has any at the moment."""
    running = engine.find(Filter(states=frozenset({State.RUNNING})), limit=_AT_ONCE).jobs
    pids = {report.worker: report.pid for report in engine.workers()}
    for victim, _held in Counter(job.worker for job in running).most_common():
        pid = pids.get(victim or "", 0)
        if victim and pid:
            moment = clock.now()
            os.kill(pid, signal.SIGKILL)
            return Kill(victim, pid, moment)
    return None
