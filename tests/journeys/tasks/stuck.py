"""An application whose worker soon loses patience with its engine; the journeys copy this file into a
project of their own.
"""

from __future__ import annotations

import os

from cardoon import Cardoon
from cardoon.worker import guard

guard.LOOK_SECONDS, guard.REBUILD_SECONDS, guard.STUCK_SECONDS = 0.2, 0.3, 1.0

app = Cardoon("stuck", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")


@app.task
def fine() -> int:
    return os.getpid()


@app.task
async def async_fine() -> int:
    return os.getpid()
