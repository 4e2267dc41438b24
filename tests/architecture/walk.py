"""The walk of one job through the code, as the interpreter sees it.

A step is a function that has the job in its hands. Properties, constructors and the clock are no steps, nor
is what a worker does before it claims; what an engine does inside one of its verbs is one, as each engine
does that in its own way (decision 8).
"""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import cardoon
from cardoon import Cardoon
from cardoon.context import NOWHERE
from cardoon.worker.attempts import Attempts
from cardoon.worker.job_log import JobLog
from cardoon.worker.last_words import LastWords
from cardoon.worker.loop import Loop
from cardoon.worker.places import Places
from cardoon.worker.plan import Plan
from cardoon.worker.timeouts import Limits

PACKAGE = Path(cardoon.__file__).parent
ENGINES = str(PACKAGE / "engines")
CLOCK = str(PACKAGE / "model" / "clock.py")
READMISSION = str(PACKAGE / "worker" / "readmission.py")
EXCHANGE = "Broker.exchange"


class Step(NamedTuple):
    """A function on the way, by its file under the package and its qualified name."""

    file: str
    function: str


class Walk(dict["Step", None]):
    """Each step once, in the order of their first calls; `all` holds every function of Cardoon on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.all: set[Step] = set()


@contextmanager
def _traced(walk: Walk, until: Callable[[FrameType], bool] = lambda _: False) -> Iterator[None]:
    """Write down the steps that are taken, until a function returned for which `until` holds."""

    def look(frame: FrameType, event: str, _arg: object) -> None:
        file = frame.f_code.co_filename
        if not file.startswith(str(PACKAGE)):
            return
        if event == "call" and not frame.f_code.co_name.startswith("<"):
            step = Step(str(Path(file).relative_to(PACKAGE)), frame.f_code.co_qualname)
            walk.all.add(step)
            if _is_step(frame):
                walk[step] = None
        elif event == "return" and until(frame):
            sys.setprofile(None)

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


def _is_step(frame: FrameType) -> bool:
    code = frame.f_code
    if code.co_name.startswith("__") or code.co_filename in (CLOCK, READMISSION):
        return False
    return not _is_accessor(frame) and not _is_inside(frame, (ENGINES, READMISSION))


def _is_accessor(frame: FrameType) -> bool:
    """Whether it is the function of a property."""
    found: Any = sys.modules[frame.f_globals["__name__"]]
    for name in frame.f_code.co_qualname.split("."):
        found = inspect.getattr_static(found, name, None)
    return isinstance(found, (property, cached_property))


def _is_inside(frame: FrameType, places: tuple[str, ...]) -> bool:
    caller = frame.f_back
    while caller is not None:
        if caller.f_code.co_filename.startswith(places):
            return True
        caller = caller.f_back
    return False


def walks(url: str) -> tuple[Walk, Walk]:
    """The walks to send one job and to run it; another went before, so nothing is done for the first time."""
    before = signal.getsignal(signal.SIGALRM)
    app = Cardoon("walk", url=url, set_as_current=False, warn_no_consumer=False)
    try:
        return _walks(app)
    finally:
        app.close()
        signal.signal(signal.SIGALRM, before)


def _walks(app: Cardoon) -> tuple[Walk, Walk]:
    send, run = Walk(), Walk()

    @app.task(name="walk.resize")
    def resize(path: str, width: int = 800) -> str:
        return f"{path}@{width}"

    resize.delay("dog.jpg")
    _run_all(app, Walk())
    with _traced(send):
        handle = resize.delay("cat.jpg")
    _run_all(app, run)
    assert handle.get(timeout=0) == "cat.jpg@800"
    return send, run


def _run_all(app: Cardoon, walk: Walk) -> None:
    """Run what is ready; the walk is from the first claim until the step that stored the result."""
    loop = Loop(app, "walker", None, burst=True)
    limits = Limits(app)
    attempts = Attempts(app, limits, JobLog(), NOWHERE)
    Places(Plan(), app, loop, attempts, limits, LastWords(app, loop))
    exchanges: list[Any] = []

    def stored(frame: FrameType) -> bool:
        if frame.f_code.co_qualname == EXCHANGE:
            exchanges.append(frame)
        return len(exchanges) == 2

    with _traced(walk, stored):
        loop.run()
