"""Pausing and emptying queues, and telling workers what to do, from the command line."""

from __future__ import annotations

import subprocess
import sys

from project import Project
from waiting import until


def waiting(project: Project, *names: str) -> list[int]:
    lines = {line["name"]: line for line in project.json("queues")}
    return [lines[name]["ready"] + lines[name]["delayed"] for name in names]


def send(project: Project) -> None:
    for words in (
        ["tasks.add", "1", "1"],
        ["tasks.mail", "ada"],
        ["tasks.mail", "bea", "--countdown", "600"],
    ):
        project.out("call", *words)


# -- pausing


def test_a_paused_queue_rests_until_it_is_resumed(project: Project) -> None:
    send(project)
    assert project.out("queues", "pause", "mails", "others") == "2 queues paused\n"
    assert [line["name"] for line in project.json("queues") if line["paused"]] == ["mails", "others"]
    project.out("worker", "--burst", "-p", "1")
    assert waiting(project, "celery", "mails") == [0, 2]
    assert "paused" in project.out("queues")
    assert project.out("queues", "resume", "mails") == "1 queue resumed\n"
    project.out("worker", "--burst", "-p", "1")
    assert waiting(project, "mails") == [1]
    wrong = project.run("queues", "resume", "mail")
    assert wrong.returncode == 2
    assert "no queue 'mail' is known here; did you mean 'mails'?" in wrong.stderr


# -- purging (A29)


def test_a_purge_is_counted_and_asked_for(project: Project) -> None:
    send(project)
    assert project.out("queues", "purge", "mails", "--dry-run") == "2 jobs of 1 queue would be purged\n"
    refused = project.run("queues", "purge", "mails")
    assert refused.returncode == 2
    assert "Purge 2 jobs of 1 queue? There is no terminal" in refused.stderr
    assert project.run("queues", "purge").returncode == 2
    assert waiting(project, "celery", "mails") == [1, 2]
    assert project.out("queues", "purge", "mails", "--yes") == "2 jobs of 1 queue purged\n"
    assert waiting(project, "celery", "mails") == [1, 0]
    assert [job["note"] for job in project.json("jobs", "list", "queue:mails")["jobs"]] == ["purged"] * 2
    assert project.out("queues", "purge", "--all", "--yes") == "1 job of 2 queues purged\n"
    assert project.out("queues", "purge", "--all", "--yes") == "0 jobs of 2 queues purged\n"


def test_a_purge_waits_for_the_workers_to_be_gone(project: Project) -> None:
    worker = project.start_worker("-Q", "celery")
    send(project)
    until(lambda: waiting(project, "celery") == [0], what="the job to be taken")
    assert project.out("queues", "purge", "mails", "--yes") == "2 jobs of 1 queue purged\n"
    send(project)
    refused = project.run("queues", "purge", "--all", "--yes")
    assert refused.returncode == 1
    assert "1 worker process would go on taking jobs" in refused.stderr
    assert waiting(project, "mails") == [2]
    assert project.out("queues", "purge", "--all", "--yes", "--force").endswith("jobs of 2 queues purged\n")
    worker.terminate()
    worker.wait(60)


def test_a_worker_may_purge_before_it_starts(project: Project) -> None:
    (project.folder / "fill.py").write_text(
        "from tasks import mail\n"
        "mail.map(map(str, range(10)))\n"
        "mail.options(countdown=1).map(map(str, range(5)))\n"
    )
    subprocess.run([sys.executable, "fill.py"], cwd=project.folder, check=True, timeout=60)
    done = project.run("worker", "--purge", "--burst", "-p", "1", "-Q", "mails")
    assert done.returncode == 0
    assert "15 jobs of 1 queue purged\n" in done.stdout
    assert project.run("worker", "--purge", "--burst", "-p", "1", "-Q", "new").returncode == 0
    jobs = project.json("jobs", "list", "queue:mails")["jobs"]
    assert {(job["state"], job["note"], job["attempt"]) for job in jobs} == {("cancelled", "purged", 0)}
    assert len(jobs) == 15


# -- workers


def test_workers_are_listed_with_what_they_do(project: Project) -> None:
    assert project.run("workers").returncode == 69
    project.out("migrate")
    assert "no worker is alive" in project.out("workers")
    project.start_worker("--name", "web-1", "-Q", "celery")
    (line,) = project.json("workers")
    assert (line["name"], line["queues"], line["running"], line["dead"]) == ("web-1/1", ["celery"], 0, False)
    text = project.out("workers")
    assert text.splitlines()[1].startswith("web-1/1")
    assert max(map(len, text.splitlines())) <= 80


def test_a_worker_is_told_to_be_quiet_to_resume_and_to_stop(project: Project) -> None:
    worker = project.start_worker("--name", "web-1")
    assert project.run("workers", "quiet").returncode == 2
    wrong = project.run("workers", "quiet", "web")
    assert wrong.returncode == 1
    assert "no worker 'web' is alive" in wrong.stderr
    assert project.out("workers", "quiet", "web-1").startswith("1 worker process will hear it")
    (line,) = project.json("workers")
    assert project.out("workers", "resume", line["id"][-8:]).startswith("1 worker process will hear it")
    id = project.out("call", "tasks.add", "1", "1").strip()
    assert project.run("jobs", "wait", id, "--timeout", "60", seconds=90).returncode == 0
    assert project.out("workers", "stop", "web-1/1").startswith("1 worker process will hear it")
    assert worker.wait(60) == 0
