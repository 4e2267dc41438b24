"""What the commands that only look say: of files that are not there, of broken rows, of idle queues."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
from project import Project

from cardoon.cli.demo import summary

LOOKING = [["jobs", "list"], ["jobs", "show", "none"], ["queues"]]


def names(project: Project) -> set[str]:
    return {path.name for path in project.folder.iterdir()} - {"__pycache__"}


# -- a file that is not there


@pytest.mark.parametrize("words", [*LOOKING, ["check"]])
def test_looking_at_an_address_makes_no_file(project: Project, words: list[str]) -> None:
    before = names(project)
    done = project.run(*words, "--url", "sqlite:///nothere.db")
    assert done.returncode == 69
    assert "there is no file" in done.stdout + done.stderr
    assert names(project) == before


@pytest.mark.parametrize("words", [*LOOKING, ["check"]])
def test_looking_where_the_settings_lead_makes_no_file(project: Project, words: list[str]) -> None:
    (project.folder / "tasks.py").unlink()
    done = project.run(*words, environment={"CARDOON_URL": "sqlite:///nothere.db"})
    assert done.returncode == 69
    assert "there is no file" in done.stdout + done.stderr
    assert names(project) == set()


@pytest.mark.parametrize("words", LOOKING)
def test_an_application_without_a_file_has_no_jobs_yet(project: Project, words: list[str]) -> None:
    done = project.run(*words)
    assert done.returncode == 69
    file = project.folder / "jobs.db"
    assert f"no jobs yet: {file} is made by the first delay() or by `cardoon migrate`" in done.stderr
    assert names(project) == {"tasks.py"}
    project.out("migrate")
    assert project.run(*words).returncode != 69


def test_check_goes_on_without_the_file_and_leaves_it_unmade(project: Project) -> None:
    text = project.out("check")
    assert f"{project.folder / 'jobs.db'} will be made at first use" in project.json("check")["notes"]
    assert text.endswith("all is well\n")
    assert names(project) == {"tasks.py"}


@pytest.mark.parametrize("words", [["migrate"], ["call", "tasks.add", "1", "1"], ["worker", "--burst"]])
def test_what_works_makes_the_file(project: Project, words: list[str]) -> None:
    project.out(*words)
    assert (project.folder / "jobs.db").exists()


# -- lists and pages


def test_only_a_wrong_page_is_called_a_wrong_page(project: Project) -> None:
    id = project.out("call", "tasks.add", "1", "1").strip()
    wrong = project.run("jobs", "list", "--page", "x")
    assert wrong.returncode == 2
    assert "--page: 'x' names no page" in wrong.stderr
    db = sqlite3.connect(project.folder / "jobs.db")
    db.execute("UPDATE jobs SET state = 'nonsense' WHERE id = ?", [id])
    db.commit()
    db.close()
    listed = project.json("jobs", "list")["jobs"]
    assert [job["state"] for job in listed] == ["parked"]
    assert "cannot be read" in listed[0]["note"]


def test_a_job_without_a_stored_result_says_so(project: Project) -> None:
    (project.folder / "quiet.py").write_text(
        "from cardoon import Cardoon\n"
        "app = Cardoon('quiet', url='sqlite:///jobs.db', result_size_limit=10)\n"
        "@app.task(ignore_result=True)\n"
        "def one(): return 1\n"
        "@app.task\n"
        "def none(): return None\n"
        "@app.task\n"
        "def large(): return 'x' * 100\n"
    )
    ids = [
        project.out("call", "-A", "quiet:app", f"quiet.{name}").strip() for name in ("one", "none", "large")
    ]
    project.out("worker", "quiet:app", "--burst", "-p", "1")
    one, none, large = (project.out("jobs", "show", id) for id in ids)
    assert one.endswith("result\n  not stored (ignore_result)\n")
    assert none.endswith("result\n  null\n")
    lost = " ".join(large.partition("\nresult\n")[2].split())
    assert lost == "not stored: the result of quiet.large is 102 bytes, the limit is 10"


# -- queues that nobody serves


def test_a_queue_that_no_worker_consumes_is_told(project: Project) -> None:
    project.start_worker("-Q", "celery")
    for _ in range(2):
        project.out("call", "tasks.mail", "ada")
    text = project.out("queues")
    assert next(line for line in text.splitlines() if line.startswith("mails")).endswith("no consumer")
    assert {line["name"]: line["consumers"] for line in project.json("queues")} == {"mails": 0}
    said = "queue 'mails' has 2 waiting jobs and no worker consumes it"
    assert said in project.json("check")["warnings"]
    project.start_worker("-Q", "mails")
    assert "no consumer" not in project.out("queues")
    assert said not in project.json("check")["warnings"]


# -- what check finds


def test_check_tells_of_task_classes_without_run(project: Project) -> None:
    (project.folder / "half.py").write_text(
        "from cardoon import Cardoon\n"
        "app = Cardoon('half', url='sqlite:///jobs.db')\n"
        "class Half(app.Task):\n"
        "    queue = 'mails'\n"
    )
    done = project.run("check", "-A", "half:app")
    assert done.returncode == 78
    assert "Half must define run()" in done.stdout


def test_check_tells_of_an_engine_that_nobody_offers_together_with_the_settings(project: Project) -> None:
    (project.folder / "odd.py").write_text(
        "from cardoon import Cardoon\n"
        "app = Cardoon('odd', broker_url='nosuch://ada:hunter2@host', timezone='Nowhere/Town')\n"
    )
    done = project.run("check", "-A", "odd:app", environment={"CARDOON_TASK_SIZE_LIMIT": "big"})
    assert done.returncode == 78
    for part in ("no engine for 'nosuch'", "timezone", "CARDOON_TASK_SIZE_LIMIT", "3 things are wrong"):
        assert part in done.stdout
    assert "hunter2" not in done.stdout


# -- where things lie


def test_the_application_of_pyproject_is_found_from_a_folder_below(project: Project) -> None:
    (project.folder / "pyproject.toml").write_text('[tool.cardoon]\napp = "tasks:app"\n')
    (project.folder / "sub").mkdir()
    (project.folder / "sub" / "tasks.py").write_text("raise RuntimeError('another one')\n")
    project.folder /= "sub"
    assert "tasks.add(x: int, y: int) -> int" in project.out("tasks")
    project.out("worker", "--burst", "-p", "2")


def test_the_demo_names_a_command_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "my venv" / "bin"
    inside.mkdir(parents=True)
    (inside / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(inside / "python"))
    assert summary.installed() == ("'my venv/bin/python' -m cardoon", "'my venv/bin/python'")
    script = inside / "cardoon"
    script.touch(0o755)
    assert summary.installed() == ("'my venv/bin/cardoon'", "'my venv/bin/python'")
    monkeypatch.chdir("/")
    assert summary.installed()[1] == f"'{str(inside / 'python').removeprefix('/')}'"
    monkeypatch.setenv("PATH", str(inside))
    assert shutil.which("cardoon") == str(script)
    assert summary.installed() == ("cardoon", "python")
