"""Whose heart beats: the supervisor's, which nothing that a task does can stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waiting import until

from cardoon import Cardoon
from cardoon.testing import faults

TASKS = """\
import ctypes
from pathlib import Path

from cardoon import Cardoon

app = Cardoon("holding", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")


@app.task
def hold(mark):
    Path(mark).touch()
    ctypes.PyDLL(None).sleep(600)  # a call into C that never lets go of the interpreter
"""


STOPPED_SECONDS = 3.0
"""Longer than a supervisor ever waits for the next thing to do, shorter than the silence of the dead."""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Cardoon]:
    (tmp_path / "holding.py").write_text(TASKS)
    url = f"sqlite:///{tmp_path}/jobs.db?profile=fast"
    app = Cardoon("sender", url=url, task_default_queue="q", set_as_current=False)
    yield app
    app.close()


def beats_on(app: Cardoon) -> Callable[[], bool]:
    """Whether every worker of this moment has beaten twice since."""
    before = {report.worker: report.beats for report in app.engine.workers()}

    def beats() -> bool:
        now = {report.worker: report.beats for report in app.engine.workers()}
        return all(now[worker] > beats + 1 for worker, beats in before.items())

    return beats


def test_a_process_that_holds_the_interpreter_still_lives(app: Cardoon, tmp_path: Path) -> None:
    with faults.Worker("holding:app", "-p", "1", folder=tmp_path):
        app.send_task("holding.hold", ("mark",))
        until((tmp_path / "mark").exists, what="the task to run")
        until(beats_on(app), what="two more beats")


def test_a_worker_that_was_stopped_as_a_whole_and_goes_on_beats_on(app: Cardoon, tmp_path: Path) -> None:
    """The kernel tells its supervisor then of its processes, by a signal that any of its threads may get."""
    with faults.Worker("holding:app", "-p", "1", folder=tmp_path) as worker:
        faults.stop_for(STOPPED_SECONDS, *faults.family_of(worker.supervisor))
        until(beats_on(app), what="two more beats")
