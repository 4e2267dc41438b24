"""Where an application finds its settings and tasks by itself, and loaders of one's own (seed-spec D21)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.unit.tasks.conftest import Drain, Package

from cardoon import Cardoon, Task
from cardoon.loaders import BaseLoader, DefaultLoader, DjangoLoader, UnnamedLoader
from cardoon.model.errors import AppNotFound, ConfigurationError, UnknownOption

TASK = "from cardoon import task\n\n@task\ndef job():\n    return __name__\n"
CONFIG = "celeryconfig"


@pytest.fixture(autouse=True)
def nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CELERY_LOADER", "CELERY_CONFIG_MODULE", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.delenv(name, raising=False)


# -- celeryconfig


def test_celeryconfig_is_read_by_itself_when_settings_are_first_needed(package: Package) -> None:
    package(CONFIG, {"__init__.py": "BROKER_URL = 'memory://'\nCELERY_DEFAULT_QUEUE = 'own'\n"})
    app = Cardoon("proj")
    assert CONFIG not in sys.modules
    assert (app.settings.url, app.settings.task_default_queue) == ("memory://", "own")
    assert app.loaded.sources["url"] == CONFIG


def test_a_worker_knows_the_tasks_of_celery_imports(package: Package) -> None:
    package("proj", {"jobs.py": TASK})
    package(CONFIG, {"__init__.py": "BROKER_URL = 'memory://'\nCELERY_IMPORTS = ('proj.jobs',)\n"})
    app = Cardoon("proj")
    app.import_tasks()
    assert app.tasks["proj.jobs.job"]() == "proj.jobs"


def test_another_module_may_be_named(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    package(CONFIG, {"__init__.py": "task_default_queue = 'not this one'\n"})
    package("proj", {"conf.py": "CELERY_DEFAULT_QUEUE = 'named'\n"})
    monkeypatch.setenv("CELERY_CONFIG_MODULE", "proj.conf")
    app = Cardoon("proj", url="memory://")
    assert app.settings.task_default_queue == "named"
    assert app.loaded.sources["task_default_queue"] == "proj.conf"


def test_a_module_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_CONFIG_MODULE", "no_such_module_at_all")
    with pytest.raises(ConfigurationError, match="settings 'no_such_module_at_all' cannot be read"):
        Cardoon("proj", url="memory://").settings  # noqa: B018


def test_what_code_and_environment_say_comes_before_it_and_pyproject_after(
    package: Package, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package(CONFIG, {"__init__.py": "\n".join(f"{name} = 'module'" for name in PLACES)})
    table = "\n".join(f"{name} = 'pyproject'" for name in [*PLACES, "task_default_queue"])
    (tmp_path / "pyproject.toml").write_text(f"[tool.cardoon]\n{table}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARDOON_INCLUDE", "environment")
    settings = Cardoon("proj", imports="code").settings
    assert (settings.imports, settings.include) == (("code",), ("environment",))
    assert (settings.namespace, settings.task_default_queue) == ("module", "pyproject")


PLACES = ("imports", "include", "namespace")


def test_it_is_not_read_where_another_configuration_object_was_given(package: Package) -> None:
    package(CONFIG, {"__init__.py": "raise RuntimeError('read')\n"})
    app = Cardoon("proj", url="memory://")
    app.config_from_object({"task_default_queue": "given"})
    assert app.settings.task_default_queue == "given"
    assert CONFIG not in sys.modules


def test_names_of_its_own_are_noted_and_typos_refused(package: Package) -> None:
    package(CONFIG, {"__init__.py": (
        "import os\nfrom datetime import timedelta\nhere = os.curdir\nMINE = 1\nCELERY_MINE = 2\n"
        "CELERY_TASK_RESULT_EXPIRES = timedelta(hours=1)\n"
    )})  # fmt: skip
    loaded = Cardoon("proj", url="memory://").loaded
    assert loaded.settings.result_expires == 3600.0
    assert loaded.notes == tuple(
        f"{name} in celeryconfig is no setting of Cardoon or Celery" for name in ("CELERY_MINE", "here")
    )


@pytest.mark.parametrize("name", ["CELERY_TASK_ALWAYS_EAGR", "task_always_eagr"])
def test_a_typo_in_it_is_refused(name: str, package: Package) -> None:
    package(CONFIG, {"__init__.py": f"{name} = True\n"})
    with pytest.raises(UnknownOption, match=r"celeryconfig has no option .* did you mean"):
        Cardoon("proj", url="memory://").settings  # noqa: B018


def test_an_error_inside_it_is_shown(package: Package) -> None:
    package(CONFIG, {"__init__.py": "import no_such_module_at_all\n"})
    with pytest.raises(ConfigurationError, match=r"'celeryconfig' cannot be read: .*no_such_module_at_all"):
        Cardoon("proj", url="memory://").settings  # noqa: B018


def test_django_settings_come_before_it(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cardoon.loaders._django_settings", lambda: {"CELERY_TASK_DEFAULT_QUEUE": "site"})
    monkeypatch.setattr("cardoon.loaders.installed", lambda _module: True)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "site_settings")
    package(CONFIG, {"__init__.py": "raise RuntimeError('read')\n"})
    app = Cardoon("proj", url="memory://")
    assert app.settings.task_default_queue == "site"
    assert app.loaded.sources["task_default_queue"] == "framework settings"


# -- loaders of one's own


class Own(BaseLoader):
    told: ClassVar[list[tuple[Any, ...]]] = []

    def read_configuration(self) -> dict[str, Any]:
        return {"CELERY_DEFAULT_QUEUE": "loaded", "CELERY_IMPORTS": ["own_jobs"], "broker_url": "memory://"}

    def import_task_module(self, module: str) -> Any:
        self.told.append(("import", module))
        return super().import_task_module(module)

    def on_worker_init(self) -> None:
        self.told.append(("worker",))

    def on_task_init(self, task_id: str, task: Task) -> None:
        self.told.append(("task", task_id, task.name))


@pytest.fixture
def told() -> list[tuple[Any, ...]]:
    Own.told.clear()
    return Own.told


@pytest.mark.parametrize("how", ["class", "path", "path with colon", "environment"])
def test_a_loader_is_named_by_itself_by_its_path_or_by_the_environment(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Any = {"class": Own, "path": f"{__name__}.Own", "path with colon": f"{__name__}:Own"}.get(how)
    if how == "environment":
        monkeypatch.setenv("CELERY_LOADER", f"{__name__}.Own")
    app = Cardoon("proj", loader=given)
    assert type(app.loader) is Own
    assert (app.settings.url, app.settings.task_default_queue) == ("memory://", "loaded")
    assert app.loader.conf["CELERY_DEFAULT_QUEUE"] == app.loader.conf.CELERY_DEFAULT_QUEUE == "loaded"


@pytest.mark.parametrize(
    ("named", "kind"), [("default", DefaultLoader), ("django", DjangoLoader), ("", UnnamedLoader)]
)
def test_two_loaders_have_short_names(
    named: str, kind: type[BaseLoader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_LOADER", named)
    assert type(Cardoon("proj").loader) is kind


def test_a_loader_hears_of_each_job_before_it_runs_in_a_worker_and_in_eager_mode(
    told: list[tuple[Any, ...]], drain: Drain
) -> None:
    app = Cardoon("proj", loader=Own)

    @app.task(name="f", bind=True, max_retries=1)
    def f(self: Task) -> None:
        told.append(("body", self.request.id))
        self.retry(countdown=0)

    sent = f.delay()
    drain(app)
    attempt = [("task", sent.id, "f"), ("body", sent.id)]
    assert told == [*attempt, *attempt]
    told.clear()
    here = f.apply()
    assert told[:2] == [("task", here.id, "f"), ("body", here.id)]


def test_it_imports_the_modules_of_tasks(told: list[tuple[Any, ...]], package: Package) -> None:
    package("own_jobs", {"__init__.py": TASK})
    app = Cardoon("proj", loader=Own)
    app.import_tasks()
    assert told == [("import", "own_jobs")]
    assert "own_jobs.job" in app.tasks


def test_what_it_raises_before_a_job_fails_the_job_and_the_body_does_not_run(drain: Drain) -> None:
    class Strict(BaseLoader):
        def on_task_init(self, task_id: str, task: Task) -> None:
            raise RuntimeError("a transaction is open")

    app, ran = Cardoon("proj", url="memory://", loader=Strict), []

    @app.task(name="f")
    def f() -> None:
        ran.append(1)

    handle = f.delay()
    drain(app)
    with pytest.raises(RuntimeError, match="a transaction is open"):
        handle.get(timeout=0)
    assert ran == []


def test_a_loader_without_such_a_hook_costs_a_job_nothing(memory_app: Cardoon) -> None:
    memory_app.loader  # noqa: B018
    assert memory_app.running == []


def test_it_hears_of_the_start_of_a_worker(told: list[tuple[Any, ...]]) -> None:
    app = Cardoon("proj", loader=Own)
    app.begin_worker()
    assert told == [("worker",)]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError("no such file"), ConfigurationError, r"Broken\.on_worker_init\(\) failed: OSError: no such"),
        (AppNotFound("nothing here"), AppNotFound, "nothing here"),
    ],
)
def test_what_it_raises_then_is_told_with_its_name(
    error: Exception, kind: type[Exception], words: str
) -> None:
    class Broken(BaseLoader):
        def on_worker_init(self) -> None:
            raise error

    with pytest.raises(kind, match=words):
        Cardoon("proj", url="memory://", loader=Broken).begin_worker()


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("no_such_module.Loader", "loader 'no_such_module.Loader' cannot be read: .*no_such_module"),
        ("cardoon.loaders.Lodr", "loader 'cardoon.loaders.Lodr' cannot be read: .*Lodr"),
        ("cardoon.app.Cardoon", "is no loader; name a class derived from cardoon.loaders.BaseLoader"),
    ],
)
def test_what_is_no_loader_is_refused(named: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Cardoon("proj", url="memory://", loader=named).loader  # noqa: B018
