"""Seed 004: an application in a Django project finds its settings and tasks by itself (E1 to E4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from project import Project
from waiting import until

pytest.importorskip("django")

CELERY_PY = """\
from __future__ import absolute_import, unicode_literals
import os
from cardoon import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "image.settings")

app = Celery("proj")
app.autodiscover_tasks()
"""
SETTINGS = """\
SECRET_KEY = "not for production"
INSTALLED_APPS = ["django.contrib.contenttypes", "animals", "empty"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}}
USE_TZ = True
CELERY_BROKER_URL = "sqlite:///jobs.db"
CELERY_TASK_DEFAULT_QUEUE = "animals"
CELERY_TASK_TRACK_STARTED = True
CELERY_MAIN_QUEUE = "a setting of the project's own"
"""
TASKS = '''\
from django.conf import settings
from cardoon import shared_task
from image.celery import app


@app.task(bind=True, base=app.Task)
def clearsessions(self):
    """Clean up expired sessions."""
    self.debug_task()
    return "Session cleaned with success"


@shared_task
def zone() -> str:
    return settings.TIME_ZONE


class FetchStatusTask(app.Task):
    name = "Fetch USI status"
    description = "Fetch BioSample USI status"

    def run(self):
        return self.description


app.tasks.register(FetchStatusTask)
app.tasks.register(FetchStatusTask)
'''


@pytest.fixture
def site(project: Project) -> Project:
    for name, text in {
        "image/__init__.py": "",
        "image/celery.py": CELERY_PY,
        "image/settings.py": SETTINGS,
        "animals/__init__.py": "",
        "animals/tasks.py": TASKS,
        "empty/__init__.py": "",
    }.items():
        file = project.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (project.folder / "tasks.py").unlink()
    return project


def job(site: Project, id: str) -> Any:
    return site.json("jobs", "show", id, "--url", "sqlite:///jobs.db")


def test_the_tasks_of_all_installed_apps_are_found(site: Project) -> None:
    names = {task["name"] for task in site.json("tasks", "-A", "image")}
    assert names == {"animals.tasks.clearsessions", "animals.tasks.zone", "Fetch USI status"}


def test_a_worker_runs_them_with_the_settings_of_the_project(site: Project) -> None:
    site.start_worker("image.celery:app")
    for name, result in {
        "animals.tasks.clearsessions": "Session cleaned with success",
        "animals.tasks.zone": "America/Chicago",
        "Fetch USI status": "Fetch BioSample USI status",
    }.items():
        id = site.out("call", name, "-A", "image").strip()
        until(lambda id=id: job(site, id)["state"] == "succeeded", what=name)
        assert job(site, id)["result"] == result
        assert job(site, id)["queue"] == "animals"
    assert Path(site.folder / "jobs.db").exists()


def test_an_error_inside_a_tasks_module_is_shown_itself(site: Project) -> None:
    (site.folder / "animals" / "tasks.py").write_text("import gone_for_good\n")
    done = site.run("worker", "image.celery:app", "-p", "1")
    assert done.returncode == 78
    assert "No module named 'gone_for_good'" in done.stderr
    assert "animals/tasks.py:1" in done.stderr
