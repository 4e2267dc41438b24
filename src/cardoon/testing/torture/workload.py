"""The application that is tortured: each body writes into the ledger what it does.

A worker runs it as `cardoon.testing.torture.workload:app`; where the ledgers are is said by the environment.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cardoon.app import Cardoon
from cardoon.context import Request
from cardoon.events import Event
from cardoon.model import clock
from cardoon.model.errors import EngineError, LeaseLost
from cardoon.testing.torture.ledger import Ledger

FOLDER = "CARDOON_TEST_LEDGER"
"""The variable with the folder of the ledgers."""

AGAIN_SECONDS = 0.1
"""After an engine failed."""

APP = f"{__name__}:app"

app = Cardoon("torture", task_default_queue="mails", set_as_current=False)
ledger = Ledger(Path(os.environ.get(FOLDER, ".")), "worker")


def note(event: str, job: Request, **data: Any) -> None:
    """Write down what an attempt does."""
    ledger.write(event, job.id or "", token=job.token, attempt=job.attempt, retries=job.retries, data=data)


@contextmanager
def written(job: Request) -> Generator[None]:
    """The beginning of a body, and its effect, which is the last thing that it does."""
    note("start", job, parent=os.getppid())
    yield
    note("effect", job)


@app.task(bind=True)
def brief(self: Any) -> None:
    """Do nothing."""
    with written(self.request):
        pass


@app.task(bind=True)
def nap(self: Any, seconds: float) -> None:
    """Take a while."""
    with written(self.request):
        clock.sleep(seconds)


@app.task(bind=True)
async def doze(self: Any, seconds: float) -> None:
    """Take a while, on an event loop."""
    with written(self.request):
        await asyncio.sleep(seconds)


@app.task(bind=True, max_retries=None)
def again(self: Any, seconds: float, times: int) -> None:
    """Retry so many times."""
    with written(self.request):
        clock.sleep(seconds)
        if self.request.retries < times:
            note("retry", self.request)
            self.retry(countdown=0.05)


@app.task(bind=True)
def family(self: Any, ids: list[str]) -> None:
    """Send a job for each id."""
    with written(self.request):
        for id in ids:
            _send_child(self.request, id)


def _send_child(job: Request, id: str) -> None:
    """Until it is stored, or the attempt is told that it has lost its job."""
    while True:
        ledger.write("want", id, data={"kind": "brief", "by": job.id})
        try:
            brief.apply_async(task_id=id)
        except LeaseLost:
            ledger.write("refused", id, data={"why": "the lease was lost"})
            raise
        except EngineError as error:
            ledger.write("unknown", id, data={"why": str(error)})
            clock.sleep(AGAIN_SECONDS)
        else:
            return ledger.write("ack", id)


@app.task(bind=True)
def poison(self: Any, way: str) -> None:
    """End the process that runs it."""
    with written(self.request):
        note("die", self.request, way=way)
        if way == "exit":
            os._exit(0)
        if way == "segfault":
            ctypes.string_at(0)
        os.kill(os.getpid(), signal.SIGKILL)


def _note_refusal(event: Event) -> None:
    """The engine refused the end of an attempt that had lost its job."""
    token, attempt = int(event.data["token"]), int(event.data["attempt"])
    ledger.write("late", event.id, token=token, attempt=attempt)


def _note_beginning(event: Event) -> None:
    """The process takes jobs from now on, under this id."""
    ledger.write("ready", data={"worker": event.data["worker"], "parent": os.getppid()})


app.events.listen(_note_refusal, ["job.refused"])
app.events.listen(_note_beginning, ["worker.ready"])
