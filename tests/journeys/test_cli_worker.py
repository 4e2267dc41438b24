"""`cardoon worker` as its users meet it: signals, deaths, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time

import pytest
from project import Project, lives
from waiting import until


def test_a_burst_drains_the_queues_and_ends_with_0(project: Project) -> None:
    ids = [project.out("call", "tasks.add", str(n), "1").strip() for n in range(3)]
    project.out("worker", "--burst", "-p", "1")
    assert [project.job(id)["result"] for id in ids] == [1, 2, 3]


def test_two_processes_share_a_burst(project: Project) -> None:
    project.out("call", "tasks.add", "1", "1")
    project.out("worker", "tasks:app", "--burst", "-p", "2")
    assert project.json("queues")[0]["ended"] == 1


def test_a_worker_takes_only_the_jobs_of_its_queues(project: Project) -> None:
    project.out("call", "tasks.add", "1", "1")
    project.out("call", "tasks.mail", "ada")
    project.out("worker", "--burst", "-p", "1", "-Q", "mails")
    states = {job["queue"]: job["state"] for job in project.json("jobs", "list")["jobs"]}
    assert states == {"celery": "ready", "mails": "succeeded"}


def test_a_worker_tells_what_its_engine_truly_promises(project: Project) -> None:
    project.start_worker()
    until(lambda: "profile durable: each answered call is on the disk" in project.log, what="the profile")


def test_term_lets_the_running_job_end_and_claims_no_other(project: Project) -> None:
    os.mkfifo(project.folder / "gate")
    worker = project.start_worker()
    running = project.out("call", "tasks.open_gate", "mark", "gate").strip()
    until((project.folder / "mark").exists, what="the job to run")
    worker.terminate()
    until(lambda: "stopping: claiming nothing more" in project.log, what="the supervisor to obey")
    waiting = project.out("call", "tasks.add", "1", "1").strip()
    (project.folder / "gate").write_text("opened")
    assert worker.wait(60) == 0
    assert project.job(running)["result"] == "opened"
    assert project.job(waiting)["state"] == "ready"


def test_the_second_signal_gives_the_running_job_back(project: Project) -> None:
    worker = project.start_worker()
    id = project.out("call", "tasks.hold", "mark").strip()
    until((project.folder / "mark").exists, what="the job to run")
    worker.terminate()
    until(lambda: "stopping: claiming nothing more" in project.log, what="the supervisor to obey")
    worker.terminate()
    assert worker.wait(60) == 128 + signal.SIGTERM
    assert project.job(id)["state"] == "ready"


def test_ctrl_c_drains_an_idle_worker_and_ends_with_0(project: Project) -> None:
    worker = project.start_worker()
    worker.send_signal(signal.SIGINT)
    assert worker.wait(60) == 0


def test_a_wrong_path_of_the_application_ends_with_78(project: Project) -> None:
    done = project.run("worker", "nowhere:app", "-p", "1")
    assert done.returncode == 78
    assert "there is no module 'nowhere'" in done.stderr


def test_an_import_error_is_shown_itself(project: Project) -> None:
    (project.folder / "broken.py").write_text("import missing_library\n")
    done = project.run("worker", "broken:app", "-p", "1")
    assert done.returncode == 78
    assert "No module named 'missing_library'" in done.stderr
    assert "broken.py:1" in done.stderr


def test_a_syntax_error_is_shown_with_its_line(project: Project) -> None:
    (project.folder / "broken.py").write_text("x = 1\n\nx = = 2\n")
    done = project.run("worker", "broken:app", "-p", "1")
    assert done.returncode == 78
    assert re.search(r"broken\.py(:|, line )3", done.stderr)


def test_an_engine_out_of_reach_ends_with_69_soon(project: Project) -> None:
    project.write_far_app()
    began = time.monotonic()
    done = project.run("worker", "far:app", "-p", "2")
    assert done.returncode == 69
    assert "does not exist" in done.stderr
    assert time.monotonic() - began < 20


def test_a_dry_run_prints_what_would_run_and_leaves(project: Project) -> None:
    text = project.out("worker", "tasks:app", "-p", "3", "-Q", "mails,images", "--dry-run")
    told = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert told["processes"] == "3"
    assert told["queues"] == "mails, images"
    assert told["engine"] == "sqlite:///jobs.db"
    assert told["tasks"] == "5"
    assert told["name"] == f"{socket.gethostname()}/1 to {socket.gethostname()}/3"


def test_auto_means_as_many_processes_as_cpus(project: Project) -> None:
    text = project.out("worker", "-c", "auto", "--dry-run")
    assert f"processes         {len(os.sched_getaffinity(0))}\n" in text


def test_the_environment_sets_what_no_option_does(project: Project) -> None:
    text = project.out(
        "worker", "--dry-run", environment={"CARDOON_WORKER_CONCURRENCY": "7", "CARDOON_LOG_LEVEL": "warning"}
    )
    assert "processes         7\n" in text
    assert "log_level         warning\n" in text


@pytest.mark.parametrize("words", [["-p", "0"], ["-p", "many"], ["--log-level", "loud"], ["--no-such"]])
def test_wrong_usage_ends_with_2(project: Project, words: list[str]) -> None:
    done = project.run("worker", *words)
    assert done.returncode == 2
    assert "Error:" in done.stderr


def test_a_line_of_the_log_is_json_unless_text_is_asked_for(project: Project) -> None:
    done = project.run("worker", "--burst", "-p", "1")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines if "event" in line][:2] == ["worker.ready", "worker.stopping"]
    text = project.run("worker", "--burst", "-p", "1", "--log-format", "text").stderr
    assert "worker-1 ready" in text


def test_an_orderly_end_is_no_loss(project: Project) -> None:
    for _ in range(4):
        assert "worker.lost" not in project.run("worker", "--burst", "-p", "1").stderr


def test_what_the_application_imports_is_shown_when_it_fails(project: Project) -> None:
    (project.folder / "broken.py").write_text(
        "from cardoon import Cardoon\napp = Cardoon('broken', url='sqlite:///jobs.db', imports=['gone'])\n"
    )
    done = project.run("worker", "broken:app", "-p", "1")
    assert done.returncode == 78
    assert "No module named 'gone'" in done.stderr


def test_the_log_goes_to_a_file_that_is_named(project: Project) -> None:
    done = project.run("worker", "--burst", "-p", "1", "-f", "here.log")
    assert done.stderr == ""
    assert "worker.ready" in (project.folder / "here.log").read_text()


# -- deaths


def test_the_job_of_a_killed_process_runs_again_and_succeeds(project: Project) -> None:
    project.start_worker()
    id = project.out("call", "tasks.hold", "mark").strip()
    until((project.folder / "mark").exists, what="the job to run")
    os.kill(int((project.folder / "mark").read_text()), signal.SIGKILL)
    until(lambda: project.job(id)["state"] == "succeeded", what="the second run")
    job = project.job(id)
    assert job["result"] == "done by the second run"
    assert [(a["attempt"], a["note"]) for a in job["attempts"]] == [(1, "its worker died")]
    assert "1  crashed" in project.out("jobs", "show", id)


def test_the_processes_of_a_killed_supervisor_end_and_another_worker_runs_their_job(project: Project) -> None:
    worker = project.start_worker()
    id = project.out("call", "tasks.hold", "mark").strip()
    until((project.folder / "mark").exists, what="the job to run")
    child = int((project.folder / "mark").read_text())
    worker.kill()
    until(lambda: not lives(child), what="its process to end")
    project.start_worker()
    until(lambda: project.job(id)["state"] == "succeeded", what="the second run")
