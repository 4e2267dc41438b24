"""`cardoon dev`: a worker that follows the code."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from project import Project, lives
from waiting import until


def ready(project: Project) -> int:
    return project.log.count(" ready ")


def pid_of_last(project: Project) -> int:
    return int(project.log.rpartition("pid=")[2].split()[0])


def write(project: Project, more: str) -> None:
    file = project.folder / "tasks.py"
    file.write_text(file.read_text() + more)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_change_starts_the_worker_anew_and_a_signal_ends_all(project: Project, number: int) -> None:
    dev = project.start("dev", "tasks:app")
    until(lambda: ready(project) == 1, what="a worker")
    before = pid_of_last(project)
    write(project, "\n\n@app.task\ndef later() -> str:\n    return 'new code'\n")
    until(lambda: ready(project) == 2, what="a worker with the new code")
    assert "reload: tasks.py changed" in project.log
    assert not lives(before)
    done = project.run("call", "tasks.later", "--wait", "--timeout", "60")
    assert done.stdout == '"new code"\n'
    dev.send_signal(number)
    assert dev.wait(60) == 0
    until(lambda: not lives(pid_of_last(project)), what="no process left")


def test_code_that_is_no_code_is_shown_and_tried_again(project: Project) -> None:
    good = (project.folder / "tasks.py").read_text()
    dev = project.start("dev")
    until(lambda: ready(project) == 1, what="a worker")
    write(project, "\ndef (\n")
    until(lambda: "the worker ended with 78" in project.log, what="the failure")
    assert "SyntaxError: invalid syntax" in project.log
    (project.folder / "tasks.py").write_text(good)
    until(lambda: ready(project) == 2, what="a worker again")
    dev.send_signal(signal.SIGINT)
    assert dev.wait(60) == 0


def test_without_watchfiles_it_says_what_to_install(project: Project) -> None:
    code = (
        "import sys; sys.modules['watchfiles'] = None\n"
        "from cardoon.cli.main import main; sys.argv = ['cardoon', 'dev', 'tasks:app']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 78
    assert done.stderr == "Error: cardoon dev needs watchfiles: pip install 'cardoon[watch]'\n"
