"""Workers that find settings and tasks by themselves, or through a loader of the project (seed-spec D21)."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

import pytest
from project import Project
from waiting import until

URL = "sqlite:///jobs.db"


@pytest.fixture
def empty(project: Project) -> Project:
    (project.folder / "tasks.py").unlink()
    return project


def write(project: Project, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = project.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def job(project: Project, id: str) -> Any:
    return project.json("jobs", "show", id, "--url", URL)


def result_of(project: Project, task: str, app: str, *args: str) -> Any:
    """What a job of this task gave in the worker that runs."""
    id = project.out("call", task, "-A", app, *args).strip()
    until(lambda: job(project, id)["state"] == "succeeded", what=f"the end of {task}")
    return job(project, id)["result"]


CELERYCONFIG = """\
BROKER_URL = "sqlite:///jobs.db"
CELERY_IMPORTS = ("proj.jobs",)
CELERY_DEFAULT_QUEUE = "celery"
"""
JOBS = """\
from cardoon.decorators import task


@task
def add(x, y):
    return x + y
"""


def test_a_worker_knows_the_tasks_that_celeryconfig_imports(empty: Project) -> None:
    write(empty, {
        "celeryconfig.py": CELERYCONFIG,
        "proj/__init__.py": "",
        "proj/jobs.py": JOBS,
        "shop.py": "from cardoon import Cardoon\napp = Cardoon('shop')\n",
    })  # fmt: skip
    empty.start_worker("shop:app")
    assert result_of(empty, "proj.jobs.add", "shop:app", "2", "3") == 5
    assert "url = 'sqlite:///jobs.db' (celeryconfig)" in empty.out("check", "-A", "shop:app")


# -- a loader of the project

LOADER = """\
import os

from cardoon.loaders import BaseLoader


def tell(*words):
    with open("told", "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")


class Loader(BaseLoader):
    def read_configuration(self):
        return {"broker_url": "sqlite:///jobs.db", "imports": ["jobs"], "worker_concurrency": 2}

    def on_worker_init(self):
        tell("worker", os.getpid())

    def on_task_init(self, task_id, task):
        tell("task", task_id, task.name, os.getpid())
"""
SHOP = """\
from cardoon import Cardoon

app = Cardoon("shop")
"""
MEASURED = """\
import os

from cardoon import task
from loader import tell


@task
def measured():
    tell("body", os.getpid())
    return os.getpid()
"""


@pytest.fixture
def named(empty: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("CELERY_LOADER", "loader.Loader")
    write(empty, {"loader.py": LOADER, "shop.py": SHOP, "jobs.py": MEASURED})
    return empty


def told(project: Project) -> list[list[str]]:
    file = project.folder / "told"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_a_loader_hears_once_of_each_worker_process_and_before_each_job(named: Project) -> None:
    named.start("worker", "shop:app")
    until(lambda: named.log.count('"worker.ready"') == 2, what="both processes")
    begun = Counter(pid for kind, *pid in told(named) if kind == "worker" for pid in pid)
    assert len(begun) == 2
    assert set(begun.values()) == {1}
    pids = [str(result_of(named, "jobs.measured", "shop:app")) for _ in range(2)]
    ran = [words for words in told(named) if words[0] != "worker"]
    assert [words[0] for words in ran] == ["task", "body"] * 2
    assert [words[-1] for words in ran] == [pid for pid in pids for _ in range(2)]
    assert [words[2] for words in ran if words[0] == "task"] == ["jobs.measured"] * 2
    assert set(pids) <= set(begun)


def test_a_loader_that_cannot_begin_ends_the_worker_with_its_error(named: Project) -> None:
    broken = LOADER.replace('tell("worker", os.getpid())', "raise OSError('no such machine')")
    (named.folder / "loader.py").write_text(broken)
    done = named.run("worker", "shop:app", "-p", "1")
    assert done.returncode == 78
    assert "Loader.on_worker_init() failed: OSError: no such machine" in done.stderr


# -- Django's

SETTINGS = """\
SECRET_KEY = "not for production"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.sessions", "animals.apps.AnimalsConfig"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}}
USE_TZ = True
CELERY_BROKER_URL = "sqlite:///jobs.db"
"""
ANIMALS = '''\
from django.core import management
from django.db import connection

from cardoon import shared_task


@shared_task(bind=True)
def clearsessions(self):
    """Clean up expired sessions."""
    self.debug_task()
    management.call_command("clearsessions", verbosity=1)
    return "Session cleaned with success"


@shared_task
def place() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM place")
        return cursor.fetchone()[0]
'''
CONFIG = """\
from django.apps import AppConfig


class AnimalsConfig(AppConfig):
    name = "animals"
"""


def new_server(project: Project, place: str) -> None:
    """A database that takes the place of the one before, whose connections lead nowhere from now on."""
    file = project.folder / "new.db"
    database = sqlite3.connect(file)
    database.executescript(f"CREATE TABLE place (name TEXT); INSERT INTO place VALUES ('{place}')")
    database.close()
    file.rename(project.folder / "site.db")


def site(project: Project, monkeypatch: pytest.MonkeyPatch, celery: str) -> None:
    pytest.importorskip("django")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "image.settings")
    write(project, {
        "image/__init__.py": "",
        "image/celery.py": celery,
        "image/settings.py": SETTINGS,
        "animals/__init__.py": "",
        "animals/apps.py": CONFIG,
        "animals/tasks.py": ANIMALS,
    })  # fmt: skip
    new_server(project, "Helsinki")


def test_after_the_database_was_exchanged_the_next_django_task_works(
    empty: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(empty, monkeypatch, "from cardoon import Celery\napp = Celery('proj')\n")
    monkeypatch.setenv("CELERY_LOADER", "django")
    empty.start_worker("image.celery:app")
    assert result_of(empty, "animals.tasks.place", "image") == "Helsinki"
    new_server(empty, "Oslo")
    assert result_of(empty, "animals.tasks.place", "image") == "Oslo"


def test_a_task_of_a_django_project_may_call_a_management_command(
    empty: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(empty, monkeypatch, "from cardoon import Celery\napp = Celery('proj')\napp.autodiscover_tasks()\n")
    empty.start_worker("image.celery:app")
    assert result_of(empty, "animals.tasks.clearsessions", "image") == "Session cleaned with success"
