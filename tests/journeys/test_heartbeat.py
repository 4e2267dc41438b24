"""Whose heart beats: the supervisor's, which nothing that a task does can stop."""

from __future__ import annotations

from pathlib import Path

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


def test_a_process_that_holds_the_interpreter_still_lives(tmp_path: Path) -> None:
    (tmp_path / "holding.py").write_text(TASKS)
    url = f"sqlite:///{tmp_path}/jobs.db?profile=fast"
    app = Cardoon("sender", url=url, task_default_queue="q", set_as_current=False)
    with faults.Worker("holding:app", "-p", "1", folder=tmp_path):
        app.send_task("holding.hold", ("mark",))
        until((tmp_path / "mark").exists, what="the task to run")
        (before,) = app.engine.workers()

        def beats() -> bool:
            return app.engine.workers()[0].beats > before.beats + 1

        until(beats, what="two more beats")
    app.close()
