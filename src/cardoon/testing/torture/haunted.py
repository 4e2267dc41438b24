"""The tasks of the zombie trials: a first attempt that stands still until it has lost its job, then writes.

A worker runs them as `cardoon.testing.torture.haunted:app`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cardoon.app import Cardoon
from cardoon.context import Request
from cardoon.engines.contract import Store
from cardoon.events import Event
from cardoon.model import clock
from cardoon.model.errors import EngineError, LeaseLost
from cardoon.testing.torture.ledger import Ledger
from cardoon.testing.torture.workload import FOLDER

APP = f"{__name__}:app"
BY_ZOMBIE, BY_OWNER = "by the zombie", "by the owner"
LOOK_SECONDS = 0.02

app = Cardoon("haunted", task_default_queue="graves", set_as_current=False)
folder = Path(os.environ.get(FOLDER, "."))
ledger = Ledger(folder, "haunted")


@app.task(bind=True)
def haunted(self: Any, wake: str, end: str) -> str:
    """The first attempt writes when the file `wake` is there; later ones write, and end when `end` is there.

    They end at once without `end`.
    """
    job: Request = self.request
    ledger.write("start", job.id or "", token=job.token, attempt=job.attempt)
    if job.attempt == 1:
        return _zombie(job, wake)
    _attach(job, BY_OWNER)
    if end:
        _wait_for(end)
    return BY_OWNER


@app.task
def child() -> None:
    """What a zombie must not be able to send."""


def child_of(id: str) -> str:
    """The id of the job that the zombie of this one tries to send."""
    return f"{id}-child"


def _zombie(job: Request, wake: str) -> str:
    _wait_for(wake)
    answers = {**_attach(job, BY_ZOMBIE), "child": _accepted(partial(_send_child, job))}
    ledger.write("tried", job.id or "", token=job.token, attempt=job.attempt, data=answers)
    return BY_ZOMBIE


def _wait_for(name: str) -> None:
    while not (folder / name).exists():
        clock.sleep(LOOK_SECONDS)


def _attach(job: Request, words: str) -> dict[str, bool]:
    """Try to attach progress and a line of the log: which of it was accepted."""
    engine, claim = job.engine, job.claim
    if not isinstance(engine, Store):
        return {}
    return {
        kind: _accepted(partial(engine.annotate, claim, kind, words.encode())) for kind in ("progress", "log")
    }


def _send_child(job: Request) -> bool:
    child.apply_async(task_id=child_of(job.id or ""))
    return True


def _accepted(write: Callable[[], bool]) -> bool:
    """Whether the engine took it; once more while the engine fails."""
    while True:
        try:
            return write()
        except LeaseLost:
            return False
        except EngineError:
            clock.sleep(LOOK_SECONDS)


def _note_refusal(event: Event) -> None:
    ledger.write("late", event.id, token=int(event.data["token"]), attempt=int(event.data["attempt"]))


app.events.listen(_note_refusal, ["job.refused"])
