"""Acting on jobs from the command line: one by one, or on all that match a filter."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from project import Project
from waiting import until

CHATTY = """
import logging
from pathlib import Path

log = logging.getLogger("shop")


@app.task
def tell(name: str, gate: str = "") -> None:
    log.info("hello %s", name)
    log.warning("\\x1b[2J evil")
    if gate:
        Path(gate).read_text()
        log.info("the gate is open")
"""


def states(project: Project, *words: str) -> list[str]:
    return [job["state"] for job in project.json("jobs", "list", *words)["jobs"]]


@pytest.fixture
def shop(project: Project) -> Project:
    """Two jobs that failed, one that succeeded, and two that wait."""
    project.out("call", "tasks.add", "1", "1")
    for y in ("0", "0"):
        project.out("call", "tasks.divide", "1", y)
    project.out("worker", "--burst", "-p", "1")
    project.out("call", "tasks.mail", "ada")
    project.out("call", "tasks.mail", "bea", "--countdown", "600")
    return project


@contextmanager
def asked(project: Project, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`cardoon WORDS` with a terminal to ask on, and our end of that."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cardoon", *words]
    process = subprocess.Popen(
        command,
        cwd=project.folder,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.communicate()
        os.close(ours)


# -- filters


def test_a_list_takes_the_same_filter_as_everything_else(shop: Project) -> None:
    assert states(shop, "state:failed", "task:*.div*") == ["failed", "failed"]
    assert states(shop, "args.0:ada OR (after:1h state:succeeded)") == ["ready", "succeeded"]
    assert states(shop, "ZeroDivision") == ["failed", "failed"]
    assert states(shop, "state:waiting", "--task", "tasks.mail", "--state", "delayed") == ["delayed"]
    assert shop.out("jobs", "list", "queue:none") == "no such jobs\n"
    assert shop.out("jobs", "list", "failed") == "no such jobs; did you mean state:failed?\n"


def test_a_mistake_in_a_filter_is_pointed_at(shop: Project) -> None:
    for words in (["jobs", "list", "queue:a", "sate:failed"], ["jobs", "retry", "-f", "queue:a sate:failed"]):
        done = shop.run(*words)
        assert done.returncode == 2
        assert done.stderr == (
            "Error: there is no field 'sate'; did you mean 'state'?; text is put in quotes\n"
            "  queue:a sate:failed\n"
            "          ^\n"
        )


# -- acting on all that match


def test_without_a_terminal_nothing_is_done_unasked(shop: Project) -> None:
    done = shop.run("jobs", "retry", "-f", "task:tasks.divide")
    assert done.returncode == 2
    assert "Retry 2 jobs? There is no terminal to answer on: add --yes" in done.stderr
    assert shop.out("jobs", "retry", "-f", "task:tasks.divide", "--dry-run") == "2 jobs would be retried\n"
    assert states(shop, "task:tasks.divide") == ["failed", "failed"]


def test_yes_does_it_unasked(shop: Project) -> None:
    assert shop.out("jobs", "retry", "-f", "after:1h", "--yes") == "2 jobs retried\n"
    assert states(shop, "task:tasks.divide") == ["ready", "ready"]
    assert shop.out("jobs", "cancel", "-f", "task:tasks.mail", "--yes") == "2 jobs cancelled\n"
    assert shop.out("jobs", "cancel", "-f", "task:tasks.mail", "--yes") == "no such jobs\n"
    assert shop.out("jobs", "delete", "-f", "*", "--yes") == "5 jobs deleted\n"
    assert states(shop) == []


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 1, 2), ("", 1, 2)])
def test_a_terminal_is_asked(shop: Project, answer: str, code: int, left: int) -> None:
    with asked(shop, "jobs", "delete", "--filter", "state:failed") as (process, line):
        os.write(line, f"{answer}\n".encode())
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Delete 2 jobs? [y/N]: " in err
    assert out == ("2 jobs deleted\n" if code == 0 else "")
    assert len(states(shop, "state:failed")) == left


def test_an_oversight_takes_no_jobs(shop: Project) -> None:
    for words in ([], ["-f", ""], ["-f", "  ", "--yes"]):
        done = shop.run("jobs", "delete", *words)
        assert done.returncode == 2
        assert "name jobs by their ids, or with --filter" in done.stderr
    assert len(states(shop)) == 5


# -- acting on named ones


def test_named_jobs_are_taken_at_once(shop: Project) -> None:
    failed, other = [job["id"] for job in shop.json("jobs", "list", "state:failed")["jobs"]]
    assert shop.out("jobs", "retry", failed[-8:], "--dry-run") == "1 job would be retried\n"
    assert shop.out("jobs", "retry", failed[-8:], other) == "2 jobs retried\n"
    (delayed,) = [job["id"] for job in shop.json("jobs", "list", "state:delayed")["jobs"]]
    assert shop.out("jobs", "cancel", delayed) == "1 job cancelled\n"
    assert shop.out("jobs", "delete", delayed, failed, "-f", "task:tasks.mail") == "1 job deleted\n"
    assert len(states(shop)) == 4


def test_a_job_that_is_not_to_be_had_is_told(shop: Project) -> None:
    (done,) = [job["id"] for job in shop.json("jobs", "list", "state:succeeded")["jobs"]]
    (ready,) = [job["id"] for job in shop.json("jobs", "list", "state:ready")["jobs"]]
    end = shop.run("jobs", "cancel", done, ready)
    assert (end.returncode, end.stdout) == (1, "1 job cancelled\n")
    assert end.stderr == f"{done[-8:]} is succeeded: not cancelled\n"
    missing = shop.run("jobs", "cancel", "nothere")
    assert missing.returncode == 1
    assert "no job 'nothere' here" in missing.stderr


def test_a_running_job_is_cancelled_for_later_and_not_deleted(project: Project) -> None:
    gate = project.folder / "gate"
    os.mkfifo(gate)
    project.start_worker()
    id = project.out("call", "tasks.open_gate", "mark", "gate").strip()
    until((project.folder / "mark").exists, what="a running job")
    assert project.out("jobs", "cancel", id) == "1 job cancelled\n"
    assert project.run("jobs", "delete", id).stderr == f"{id[-8:]} is running: not deleted\n"
    gate.write_text("open")
    assert project.run("jobs", "wait", id, "--timeout", "60").returncode == 0


def test_a_running_job_is_ended_when_that_is_asked(project: Project) -> None:
    os.mkfifo(project.folder / "gate")
    project.start_worker()
    id = project.out("call", "tasks.open_gate", "mark", "gate").strip()
    until((project.folder / "mark").exists, what="a running job")
    assert project.out("jobs", "cancel", "--terminate", id[-8:]) == "1 job cancelled\n"
    assert project.run("jobs", "wait", id, "--timeout", "60", seconds=90).returncode == 1
    assert project.job(id)["state"] == "cancelled"


# -- waiting


def test_wait_ends_with_what_became_of_the_jobs(shop: Project) -> None:
    good = [job["id"] for job in shop.json("jobs", "list", "state:succeeded")["jobs"]]
    bad = [job["id"] for job in shop.json("jobs", "list", "state:failed")["jobs"]]
    assert shop.run("jobs", "wait", *good).returncode == 0
    done = shop.run("jobs", "wait", *good, *[id[-8:] for id in bad])
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 3
    assert re.search(r"^\w{8}  failed  tasks\.divide  .*ZeroDivisionError", done.stdout, re.MULTILINE)


def test_wait_ends_when_the_job_does_and_when_its_time_is_up(project: Project) -> None:
    id = project.out("call", "tasks.add", "1", "2").strip()
    late = project.run("jobs", "wait", id, "--timeout", "0.1")
    assert (late.returncode, late.stderr) == (1, "1 job did not end within 0.1 s\n")
    process = project.start("jobs", "wait", id[-8:])
    project.start_worker()
    assert process.wait(60) == 0
    assert f"{id[-8:]}  succeeded  tasks.add" in project.log


# -- logs


def chatty(project: Project) -> None:
    file = project.folder / "tasks.py"
    file.write_text(file.read_text() + CHATTY)


def test_logs_shows_what_the_job_logged(project: Project) -> None:
    chatty(project)
    id = project.out("call", "tasks.tell", "ada").strip()
    assert "nothing was logged yet" in project.run("jobs", "logs", id).stderr
    project.out("worker", "--burst", "-p", "1")
    text = project.out("jobs", "logs", id[-8:])
    first, second = text.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO    shop hello ada", first)
    assert second.endswith(" WARNING shop \\x1b[2J evil")
    told = project.json("jobs", "logs", id)
    assert [(line["level"], line["text"]) for line in told] == [
        ("info", "hello ada"),
        ("warning", "\x1b[2J evil"),
    ]
    assert told[0]["t"] > 1e9
    assert project.run("jobs", "logs", id, "--json", "--follow").returncode == 2


def test_logs_are_followed_to_the_end_of_the_job(project: Project) -> None:
    chatty(project)
    gate = project.folder / "gate"
    os.mkfifo(gate)
    id = project.out("call", "tasks.tell", "ada", "gate").strip()
    follower = project.start("jobs", "logs", id, "--follow")
    project.start_worker()
    until(lambda: re.search(r"^[\d:.]+ INFO    shop hello ada$", project.log, re.MULTILINE), what="a line")
    assert follower.poll() is None
    gate.write_text("open")
    assert follower.wait(60) == 0
    assert re.search(r"^[\d:.]+ INFO    shop the gate is open$", project.log, re.MULTILINE)


# -- watching


def test_a_list_is_shown_anew_until_ctrl_c(project: Project) -> None:
    project.out("call", "tasks.add", "1", "1")
    process = project.start("jobs", "list", "--watch")
    until(lambda: project.log.count("tasks.add") >= 1, what="the first list")
    project.out("call", "tasks.mail", "ada")
    until(lambda: "tasks.mail" in project.log, what="a later list")
    assert "\x1b" not in project.log
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
