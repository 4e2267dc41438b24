from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.unit.tasks.conftest import Drain, Package

from cardoon import Cardoon
from cardoon.model.errors import ConfigurationError

TASK = "from cardoon import task\n\n@task\ndef job():\n    return __name__\n"


def test_tasks_of_every_package_that_has_some_are_found(package: Package, memory_app: Cardoon) -> None:
    names = [package("a", {"tasks.py": TASK}), package("b", {"tasks/__init__.py": TASK}), package("c")]
    memory_app.autodiscover_tasks(names)
    assert "a.tasks" not in sys.modules
    memory_app.import_tasks()
    assert {"a.tasks.job", "b.tasks.job"} <= set(memory_app.tasks)


def test_force_finds_them_now(package: Package, memory_app: Cardoon) -> None:
    memory_app.autodiscover_tasks([package("a", {"tasks.py": TASK})], force=True)
    assert memory_app.tasks["a.tasks.job"]() == "a.tasks"


def test_the_packages_may_be_told_late_and_the_module_have_another_name(
    package: Package, memory_app: Cardoon
) -> None:
    names: list[str] = []
    memory_app.autodiscover_tasks(lambda: names, related_name="jobs")
    names.append(package("late", {"jobs.py": TASK}))
    memory_app.import_tasks()
    assert "late.jobs.job" in memory_app.tasks


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("import no_such_module_at_all", ModuleNotFoundError, "no_such_module_at_all"),
        ("1 / 0", ZeroDivisionError, "division"),
        ("from broken import missing", ImportError, "missing"),
    ],
)
def test_an_error_inside_a_module_of_tasks_is_raised(
    text: str, error: type[Exception], words: str, package: Package, memory_app: Cardoon
) -> None:
    memory_app.autodiscover_tasks([package("broken", {"tasks.py": text})])
    with pytest.raises(error, match=words):
        memory_app.import_tasks()


def test_a_package_that_is_missing_altogether_is_no_error(memory_app: Cardoon) -> None:
    memory_app.autodiscover_tasks(["not_a_package_here"], force=True)


def test_without_packages_and_without_django_it_says_what_to_do(
    memory_app: Cardoon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cardoon.loaders.installed", lambda _module: False)
    memory_app.autodiscover_tasks()
    with pytest.raises(Exception, match="INSTALLED_APPS; name the packages"):
        memory_app.import_tasks()


@pytest.mark.parametrize("setting", ["imports", "include", "CELERY_IMPORTS", "CELERY_INCLUDE"])
def test_modules_named_by_a_setting_are_imported_when_a_worker_starts(setting: str, package: Package) -> None:
    package("proj", {"jobs.py": TASK})
    given: dict[str, Any] = {setting: ("proj.jobs",)}
    app = Cardoon("p", url="memory://", **given)
    assert "proj.jobs.job" not in app.tasks
    app.import_tasks()
    assert "proj.jobs.job" in app.tasks


def test_a_module_named_by_a_setting_must_be_there() -> None:
    app = Cardoon("p", url="memory://", imports=["no_such_module_at_all"])
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        app.import_tasks()


def test_scan_imports_a_package_with_all_that_is_in_it(package: Package, memory_app: Cardoon) -> None:
    package("catalogue", {"one.py": TASK, "deep/__init__.py": "", "deep/two.py": TASK, "plain.py": ""})
    assert memory_app.scan("catalogue") == ["catalogue.deep.two.job", "catalogue.one.job"]
    assert memory_app.scan("catalogue") == []


def test_scan_takes_a_module_too(package: Package, memory_app: Cardoon) -> None:
    import importlib

    package("mod", {"jobs.py": TASK})
    assert memory_app.scan(importlib.import_module("mod")) == ["mod.jobs.job"]


# -- settings from elsewhere


def test_settings_are_read_from_a_module_with_a_namespace(package: Package) -> None:
    package("site_settings", {"conf.py": (
        "CELERY_TASK_DEFAULT_QUEUE = 'main'\nCELERY_TASK_ALWAYS_EAGER = True\n"
        "CELERY_BROKER_URL = 'memory://'\nDEBUG = True\nINSTALLED_APPS = []\n"
    )})  # fmt: skip
    app = Cardoon("proj")
    app.config_from_object("site_settings.conf", namespace="CELERY")
    assert app.conf.task_default_queue == "main"
    assert app.conf["task_always_eager"] is True
    assert app.settings.url == "memory://"

    @app.task(name="one")
    def one() -> int:
        return 1

    assert one.delay().get(timeout=0) == 1


def test_another_namespace_is_taken_beside_celerys(package: Package) -> None:
    package("own_settings", {"__init__.py": "JOBS_TASK_DEFAULT_QUEUE = 'own'\nSECRET_KEY = 'x'\n"})
    app = Cardoon("proj", url="memory://")
    app.config_from_object("own_settings", namespace="JOBS")
    assert app.settings.task_default_queue == "own"


@pytest.mark.parametrize("kind", ["mapping", "object", "module", "path of an attribute"])
def test_settings_are_read_from_a_mapping_an_object_a_module_or_a_path(kind: str, package: Package) -> None:
    package("settings_of", {"conf.py": "class Settings:\n    task_default_queue = 'q'\n"})
    module = ModuleType("settings_module")
    module.task_default_queue = "q"  # type: ignore[attr-defined]
    given = {
        "mapping": {"task_default_queue": "q"},
        "object": SimpleNamespace(task_default_queue="q"),
        "module": module,
        "path of an attribute": "settings_of.conf:Settings",
    }[kind]
    app = Cardoon("proj", url="memory://")
    app.config_from_object(given)
    assert app.settings.task_default_queue == "q"


def test_a_path_that_leads_nowhere_is_a_configuration_error(memory_app: Cardoon) -> None:
    with pytest.raises(ConfigurationError, match="settings 'no_such_module_at_all' cannot be read"):
        memory_app.config_from_object("no_such_module_at_all")


def test_the_module_may_be_named_by_an_environment_variable(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    package("env_settings", {"__init__.py": "task_default_queue = 'env'\n"})
    app = Cardoon("proj", url="memory://")
    with pytest.raises(ConfigurationError, match="SHOP_CONFIG names no module"):
        app.config_from_envvar("SHOP_CONFIG")
    monkeypatch.setenv("SHOP_CONFIG", "env_settings")
    app.config_from_envvar("SHOP_CONFIG")
    assert app.settings.task_default_queue == "env"


def test_what_code_says_comes_before_what_a_module_says(package: Package) -> None:
    package("weaker", {"__init__.py": "task_default_queue = 'weak'\n"})
    app = Cardoon("proj", url="memory://", task_default_queue="strong")
    app.config_from_object("weaker")
    assert app.settings.task_default_queue == "strong"


def test_conf_takes_changes_in_any_spelling_and_they_hold_at_once(memory_app: Cardoon, drain: Drain) -> None:
    memory_app.conf.task_default_queue = "a"
    assert memory_app.settings.task_default_queue == "a"
    memory_app.conf["task_default_queue"] = "b"
    assert memory_app.conf["task_default_queue"] == "b"
    memory_app.conf.update(CELERY_DEFAULT_QUEUE="c", task_default_queue=None)
    assert memory_app.conf.task_default_queue == "c"


def test_a_change_of_settings_keeps_the_jobs_of_a_memory_engine(memory_app: Cardoon) -> None:
    @memory_app.task(name="one")
    def one() -> None: ...

    handle = one.delay()
    memory_app.conf.task_default_queue = "other"
    assert memory_app.AsyncResult(handle.id).exists()


def test_a_wrong_setting_tells_its_name_and_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'task_default_queue'"):
        Cardoon("x", url="memory://", task_defualt_queue="q").settings  # noqa: B018


def test_a_project_as_the_seed_prints_it_runs(package: Package, drain: Drain) -> None:
    package("image", {
        "__init__.py": "from .celery import app as celery_app\n",
        "celery.py": (
            "from cardoon import Celery\n"
            "app = Celery('image', url='memory://')\n"
            "app.autodiscover_tasks(['image.common'])\n\n"
            "@app.task(bind=True, base=app.Task)\n"
            "def clearsessions(self):\n"
            "    self.debug_task()\n"
            "    return 'Session cleaned with success'\n"
        ),
        "common/__init__.py": "",
        "common/tasks.py": (
            "from image.celery import app\n\n"
            "class FetchStatus(app.Task):\n"
            "    name = 'Fetch USI status'\n"
            "    def run(self):\n"
            "        return 'fetched'\n\n"
            "app.tasks.register(FetchStatus)\n"
        ),
    })  # fmt: skip
    import importlib

    project = importlib.import_module("image.celery")
    app = project.app
    app.import_tasks()
    assert project.clearsessions.name == "image.celery.clearsessions"
    assert project.clearsessions.run() == "Session cleaned with success"
    handle, other = project.clearsessions.delay(), app.send_task("Fetch USI status")
    drain(app)
    assert handle.ready() is True
    assert (handle.info, other.get(timeout=0)) == ("Session cleaned with success", "fetched")
    assert json.loads(json.dumps(handle.id)) == handle.id
