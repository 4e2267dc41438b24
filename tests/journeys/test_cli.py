"""The command line as its users meet it: real processes in a project's folder."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from project import Project
from waiting import until

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n")


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


# -- call


def test_call_prints_the_id_and_nothing_else(project: Project) -> None:
    text = project.out("call", "tasks.add", "1", "2")
    assert UUID.fullmatch(text)
    assert project.job(text.strip())["message"]["args"] == [1, 2]


def test_call_waits_and_prints_the_result_as_json(project: Project) -> None:
    project.start_worker()
    done = project.run("call", "tasks.mail", "ada", "--arg", "on=2026-02-01", "--wait", "--timeout", "60")
    assert (done.returncode, done.stdout) == (0, '"mail to ada on 01.02.2026"\n')
    assert UUID.fullmatch(done.stderr)


def test_call_ends_with_1_and_the_error_of_the_task_alone(project: Project) -> None:
    project.start_worker()
    done = project.run("call", "tasks.divide", "1", "0", "--wait", "--timeout", "60")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "in divide\n    return x / y" in done.stderr
    assert re.search(
        r"Error: tasks\.divide\[\w{8}\] failed: ZeroDivisionError: division by zero\n$", done.stderr
    )
    assert "cardoon/" not in done.stderr


def test_call_ends_with_1_when_the_time_is_up(project: Project) -> None:
    done = project.run("call", "tasks.add", "1", "2", "--wait", "--timeout", "0.1")
    assert done.returncode == 1
    assert "did not finish within 0.1 s; it goes on" in done.stderr


def test_ctrl_c_ends_the_waiting_quietly_with_130(project: Project) -> None:
    process = project.start("call", "tasks.add", "1", "2", "--wait")
    until(lambda: UUID.search(project.log), what="the id")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert UUID.fullmatch(project.log.splitlines(keepends=True)[-1])


def test_call_names_the_nearest_task_and_sends_nothing(project: Project) -> None:
    project.out("migrate")
    done = project.run("call", "tasks.ad", "1", "2")
    assert done.returncode == 2
    assert "no task 'tasks.ad'; did you mean 'tasks.add'?" in done.stderr
    assert project.json("jobs", "list")["jobs"] == []


def test_call_sends_an_unknown_task_when_forced(project: Project) -> None:
    id = project.out("call", "other.task", "1", "--force", "-Q", "elsewhere").strip()
    job = project.job(id)
    assert (job["task"], job["queue"], job["message"]["args"]) == ("other.task", "elsewhere", [1])


def test_call_takes_text_for_text_and_json_for_the_rest(project: Project) -> None:
    id = project.out("call", "tasks.mail", "12").strip()
    assert project.job(id)["message"]["args"] == ["12"]
    id = project.out("call", "tasks.add", "--json", '{"x": 4, "y": -5}').strip()
    assert project.job(id)["message"]["kwargs"] == {"x": 4, "y": -5}
    id = project.out("call", "tasks.add", "--priority", "0", "--countdown", "60", "--", "1", "-2").strip()
    job = project.job(id)
    assert (job["message"]["args"], job["priority"], job["state"]) == ([1, -2], 0, "delayed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1"], "missing a required argument: 'y'"),
        (["1", "two"], "argument 'y' of tasks.add"),
        (["1", "2", "--arg", "z"], "must be name=value"),
        (["--json", "{"], "no JSON"),
        (["--json", "3"], "an array or an object"),
    ],
)
def test_call_refuses_arguments_that_do_not_fit(project: Project, words: list[str], said: str) -> None:
    done = project.run("call", "tasks.add", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


# -- jobs


def test_lists_and_pages_fit_80_columns(project: Project) -> None:
    for n in range(3):
        project.out("call", "tasks.mail", f"{n}" + "x" * 200, "-Q", "a-queue-with-a-rather-long-name" * 3)
    project.out("call", "tasks.divide", "1", "0")
    project.out("worker", "--burst", "-p", "1")
    text = project.out("jobs", "list")
    assert widest(text) <= 80
    assert text.splitlines()[1].split()[1:3] == ["failed", "tasks.divide"]
    for job in project.json("jobs", "list", "--task", "tasks.mail")["jobs"]:
        assert widest(project.out("jobs", "show", job["id"])) <= 80
    for words in (["queues"], ["tasks"], ["check"], ["check", "-v"]):
        assert widest(project.out(*words)) <= 80


def test_a_list_is_filtered_and_turned_page_by_page(project: Project) -> None:
    ids = [project.out("call", "tasks.add", str(n), "1").strip() for n in range(3)]
    project.out("call", "tasks.mail", "ada")
    first = project.json("jobs", "list", "--task", "tasks.add", "--limit", "2")
    assert [job["id"] for job in first["jobs"]] == [ids[2], ids[1]]
    text = project.out("jobs", "list", "--queue", "celery", "--limit", "2")
    assert f"--page {first['next']}" in text
    second = project.json("jobs", "list", "--task", "tasks.add", "--page", first["next"])
    assert [job["id"] for job in second["jobs"]] == [ids[0]]
    assert second["next"] is None
    assert project.json("jobs", "list", "--state", "failed", "--state", "running")["jobs"] == []


def test_show_tells_all_of_a_job_that_failed(project: Project) -> None:
    id = project.out("call", "tasks.divide", "1", "--arg", "y=0").strip()
    project.out("worker", "--burst", "-p", "1")
    text = project.out("jobs", "show", id[-8:])
    assert f"job       {id}\n" in text
    assert "state     failed\n" in text
    assert "arguments\n  1\n  y = 0\n" in text
    assert "1  failed" in text
    assert text.endswith("\n  ZeroDivisionError: division by zero\n")


def test_an_end_of_an_id_that_fits_several_jobs_lists_them(project: Project) -> None:
    ids = [project.out("call", "tasks.add", str(n), "1").strip() for n in range(2)]
    done = project.run("jobs", "show", ids[0][:3])
    assert done.returncode == 1
    assert all(id in done.stderr for id in ids)
    assert project.run("jobs", "show", "none").returncode == 1


def test_control_characters_in_names_are_shown_and_not_obeyed(project: Project) -> None:
    id = project.out("call", "evil\x1b[2Jtask", "--force", "a\x07b").strip()
    for words in (["jobs", "list"], ["jobs", "show", id]):
        text = project.out(*words)
        assert "\x1b" not in text
        assert "\\x1b[2J" in text


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    for _ in range(2):
        project.out("call", "tasks.add", "1", "1")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "cardoon", "jobs", "list", "--json"]
    done = subprocess.run(
        command, cwd=project.folder, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (1, 141)


# -- the rest


def test_queues_counts_what_waits_and_what_ended(project: Project) -> None:
    project.out("call", "tasks.add", "1", "1")
    project.out("worker", "--burst", "-p", "1")
    project.out("call", "tasks.add", "1", "1")
    project.out("call", "tasks.mail", "ada", "--countdown", "60")
    celery, mails = project.json("queues")
    assert (celery["name"], celery["ready"], celery["ended"], mails["delayed"]) == ("celery", 1, 1, 1)
    assert celery["oldest_wait"] > 0
    assert project.out("queues").splitlines()[1].split()[:6] == ["celery", "1", "0", "0", "0", "1"]


def test_tasks_tells_signature_queue_and_retry_policy(project: Project) -> None:
    text = project.out("tasks")
    assert "tasks.mail(to: str, on: datetime.date | None = None) -> str\n" in text
    assert "    queue mails; retried on OSError up to 2 times, after 1 min\n" in text
    assert [task["name"] for task in project.json("tasks")] == sorted(
        f"tasks.{name}" for name in ("add", "divide", "hold", "mail", "open_gate")
    )


def test_check_is_content_with_a_sound_project(project: Project) -> None:
    project.out("migrate")
    text = project.out("check")
    assert "shop at tasks, 5 tasks" in text
    assert "url = 'sqlite:///jobs.db' (argument)" in text
    assert "durable: each answered call" in text
    assert text.endswith("all is well\n")
    assert project.json("check")["settings"]["profile"] == {"value": "durable", "source": "default"}


def test_check_tells_everything_that_is_wrong_at_once(project: Project) -> None:
    (project.folder / "wrong.py").write_text(
        "from cardoon import Cardoon\n"
        "app = Cardoon('wrong', url='sqlite:///no/jobs.db', task_queues=['mails'], imports=['gone'])\n"
        "@app.task(queue='mail')\n"
        "def one(): ...\n"
    )
    done = project.run("check", "-A", "wrong:app", "--json")
    assert done.returncode == 78
    found = json.loads(done.stdout)
    assert "No module named 'gone'" in found["problems"][0]
    assert "'mail', which is not declared; did you mean 'mails'?" in found["problems"][1]
    assert "does not exist" in found["engine_problem"]
    assert "3 things are wrong" in project.run("check", "-A", "wrong:app").stdout


def test_check_tells_every_wrong_setting(project: Project) -> None:
    done = project.run(
        "check", environment={"CARDOON_TASK_SIZE_LIMIT": "big", "CARDOON_TIMEZONE": "Nowhere/Town"}
    )
    assert done.returncode == 78
    assert "CARDOON_TASK_SIZE_LIMIT" in done.stdout
    assert "CARDOON_TIMEZONE" in done.stdout
    assert "2 things are wrong" in done.stdout


def test_check_ends_with_69_when_only_the_engine_cannot_be_used(project: Project) -> None:
    project.write_far_app()
    done = project.run("check", "-A", "far:app")
    assert done.returncode == 69
    assert "does not exist" in done.stdout


def test_migrate_says_what_it_applied_and_then_that_nothing_is_left(project: Project) -> None:
    assert project.out("migrate").startswith("applied ")
    assert project.out("migrate") == "up to date\n"


def test_migrate_tells_the_schema_as_sql_and_changes_nothing(project: Project) -> None:
    script = project.out("migrate", "--sql")
    assert not (project.folder / "jobs.db").exists()
    with closing(sqlite3.connect(project.folder / "jobs.db")) as db:
        db.executescript(script)
    assert project.out("migrate") == "up to date\n"


def test_an_engine_without_sql_says_so(project: Project) -> None:
    done = project.run("migrate", "--sql", "--url", "memory://")
    assert done.returncode == 2
    assert "no schema in SQL" in done.stderr


@pytest.mark.parametrize("words", [["jobs", "list"], ["queues"], ["migrate"], ["check"]])
def test_what_only_looks_at_the_engine_takes_its_address(project: Project, words: list[str]) -> None:
    project.out("migrate")
    (project.folder / "tasks.py").write_text("raise RuntimeError('not imported')\n")
    project.out(*words, "--url", "sqlite:///jobs.db")
    assert project.run(*words, "--url", "sqlite:///no/such/folder/jobs.db").returncode == 69
    broken = project.run(*words)
    assert broken.returncode == 78
    assert "RuntimeError: not imported" in broken.stdout + broken.stderr


def test_the_settings_name_the_engine_where_there_is_no_application(project: Project) -> None:
    project.out("migrate")
    (project.folder / "tasks.py").unlink()
    done = project.run("queues")
    assert done.returncode == 78
    assert "no application and no engine named" in done.stderr
    assert not (project.folder / "cardoon.db").exists()
    assert project.out("queues", environment={"CARDOON_URL": "sqlite:///jobs.db"}) == "no job was sent yet\n"


@pytest.mark.parametrize("words", [["queues", "--url"], ["check", "--url"]])
def test_no_password_is_ever_printed(project: Project, words: list[str]) -> None:
    done = project.run(*words, "nosuch://ada:hunter2@host/db")
    assert done.returncode == 78
    assert "hunter2" not in done.stdout + done.stderr


def test_an_error_is_five_lines_at_most(project: Project) -> None:
    names = (
        "TASK_SIZE_LIMIT",
        "RESULT_SIZE_LIMIT",
        "TASK_TIME_LIMIT",
        "WORKER_CONCURRENCY",
        "RESULT_EXPIRES",
    )
    done = project.run(
        "queues", environment={f"CARDOON_{name}": "x" for name in (*names, "TASK_SOFT_TIME_LIMIT")}
    )
    assert done.returncode == 78
    assert len(done.stderr.splitlines()) == 5
    assert "and 2 more lines" in done.stderr


def test_an_unknown_command_is_met_with_the_nearest(project: Project) -> None:
    done = project.run("worke")
    assert done.returncode == 2
    assert "did you mean 'worker'?" in done.stderr


def test_the_frames_of_cardoon_are_shown_only_on_demand(project: Project) -> None:
    (project.folder / "broken.py").write_text("import missing_library\n")
    brief = project.run("tasks", "-A", "broken:app")
    assert "Traceback" not in brief.stderr
    long = project.run("tasks", "-A", "broken:app", "-v")
    assert "finder.py" in long.stderr


def test_starting_the_worker_imports_no_other_command() -> None:
    code = (
        "import sys; from cardoon.cli.main import commands; commands.get_command(None, 'worker');"
        "print(*(m for m in sys.modules if m.startswith('cardoon.cli.')))"
    )
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    others = {f"cardoon.cli.{name}" for name in ("call", "jobs", "queues", "tasks", "check", "demo", "dev")}
    assert not others & set(text.split())


def test_the_folder_of_the_package_is_named_nowhere(project: Project) -> None:
    """A user sees paths of the project only."""
    project.out("migrate")
    text = project.out("tasks") + project.out("check") + project.out("jobs", "list")
    assert str(Path(__file__).parents[2]) not in text
