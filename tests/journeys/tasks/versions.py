"""An application in two versions; the journeys copy this file into a project of their own.

Where NEWER is in the environment it knows one task more, takes one argument more, and reads envelopes of
version 2 (which are like those of version 1).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from cardoon import Cardoon
from cardoon.model import message

app = Cardoon("versions", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")


@app.task
def fine() -> str:
    return "fine"


@app.task
def wait_for(mark: str, gate: str) -> str:
    Path(mark).touch()
    while not Path(gate).exists():
        time.sleep(0.01)
    return "done"


if "NEWER" in os.environ:
    decode_1 = message.decode
    message.decode = lambda data: decode_1(data.replace(b'"v":2', b'"v":1'))

    @app.task
    def greet(name: str, greeting: str = "hello") -> str:
        return f"{greeting} {name}"

    @app.task
    def fine_tomorrow() -> str:
        return "fine tomorrow"

else:

    @app.task
    def greet(name: str) -> str:
        return f"hello {name}"
