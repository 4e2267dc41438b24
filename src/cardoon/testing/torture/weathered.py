"""The tasks of the outages: short ones tell when work goes on, a lasting one runs while the server is away.

A worker runs them as `cardoon.testing.torture.weathered:app`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cardoon.app import Cardoon
from cardoon.model import clock
from cardoon.testing.torture.ledger import Ledger
from cardoon.testing.torture.workload import FOLDER

APP = f"{__name__}:app"
LOOK_SECONDS = 0.05

app = Cardoon("weathered", task_default_queue="weather", set_as_current=False)
folder = Path(os.environ.get(FOLDER, "."))
ledger = Ledger(folder, "weathered")


def _note_start(job: Any) -> None:
    ledger.write("start", job.id or "", token=job.token, attempt=job.attempt)


@app.task(bind=True)
def brief(self: Any) -> None:
    """Say that work goes on."""
    _note_start(self.request)


@app.task(bind=True)
def lasting(self: Any, gate: str) -> None:
    """Run until the file `gate` is there."""
    _note_start(self.request)
    while not (folder / gate).exists():
        clock.sleep(LOOK_SECONDS)
