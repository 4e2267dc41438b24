"""The places that settings come from: the environment, pyproject.toml, and which of them wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cardoon.model.errors import ConfigurationError, UnknownOption
from cardoon.model.queue import Queue
from cardoon.settings import FIELDS, Loaded, Settings, load, pyproject_app


def loaded(
    explicit: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    framework: Mapping[str, Any] | None = None,
    pyproject: Path | None = None,
) -> Loaded:
    return load(explicit or {}, environ=environ or {}, framework=framework, pyproject=pyproject)


def refused(**given: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(**given)
    return str(caught.value)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes a pyproject.toml above the current directory."""
    inner = tmp_path / "src" / "shop"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)

    def write(text: str) -> Path:
        (tmp_path / "pyproject.toml").write_text(text)
        return tmp_path / "pyproject.toml"

    return write


def test_the_strongest_source_wins_and_is_named(project: Callable[[str], Path]) -> None:
    file = project('[tool.cardoon]\nurl = "a:1"\ntimezone = "Asia/Tokyo"\ninclude = ["x"]\nimports = ["p"]\n')
    found = loaded(
        {"url": "d:4"},
        environ={"CARDOON_URL": "c:3", "CARDOON_INCLUDE": "y, z"},
        framework={"CELERY_BROKER_URL": "b:2", "CELERY_INCLUDE": ["q"], "CELERY_IMPORTS": ("f",)},
        pyproject=file,
    )
    assert found.settings.url == "d:4"
    assert found.settings.include == ("y", "z")
    assert found.settings.imports == ("f",)
    assert found.settings.timezone == "Asia/Tokyo"
    assert found.sources["url"] == "argument"
    assert found.sources["include"] == "environment CARDOON_INCLUDE"
    assert found.sources["imports"] == "framework settings"
    assert found.sources["timezone"] == "pyproject.toml"
    assert found.sources["profile"] == "default"
    assert set(found.sources) == set(FIELDS)


ENVIRONMENT: list[tuple[str, str, Any]] = [
    ("URL", "redis://h", "redis://h"),
    ("TASK_ALWAYS_EAGER", "1", True),
    ("TASK_ALWAYS_EAGER", "On", True),
    ("TASK_ALWAYS_EAGER", "TRUE", True),
    ("TASK_STORE_ERRORS_EVEN_IF_IGNORED", "no", False),
    ("TASK_STORE_ERRORS_EVEN_IF_IGNORED", "0", False),
    ("IMPORTS", "a.tasks, b.tasks,", ("a.tasks", "b.tasks")),
    ("TASK_TIME_LIMIT", "1.5", 1.5),
    ("TASK_TIME_LIMIT", "0", None),
    ("RESULT_EXPIRES", "0", None),
    ("WORKER_CONCURRENCY", "4", 4),
    ("TASK_DEFAULT_PRIORITY", "0", 0),
    ("TASK_SIZE_LIMIT", "1000", 1000),
    ("WORKER_LOG_LEVEL", "WARN", "warning"),
    ("WORKER_SHUTDOWN_TIMEOUT", "0", 0.0),
    ("TASK_QUEUES", "celery,images", (Queue("celery"), Queue("images"))),
    ("PROFILE", "fast", "fast"),
]


@pytest.mark.parametrize(("variable", "text", "value"), ENVIRONMENT)
def test_text_of_the_environment_is_read_by_the_type_of_its_setting(
    variable: str, text: str, value: Any
) -> None:
    found = loaded(environ={f"CARDOON_{variable}": text})
    assert getattr(found.settings, variable.lower()) == value
    assert found.sources[variable.lower()] == f"environment CARDOON_{variable}"


@pytest.mark.parametrize(
    ("variable", "text", "form"),
    [
        ("TASK_ALWAYS_EAGER", "maybe", r"true or false (also 1/0, yes/no, on/off)"),
        ("TASK_TIME_LIMIT", "soon", "seconds or a timedelta (0: none)"),
        ("TASK_TIME_LIMIT", "-1", "seconds or a timedelta (0: none)"),
        ("TASK_TIME_LIMIT", "nan", "seconds or a timedelta (0: none)"),
        ("WORKER_SHUTDOWN_TIMEOUT", "inf", "seconds or a timedelta"),
        ("WORKER_CONCURRENCY", "1.5", "a number of processes (0: as many as CPUs)"),
        ("TASK_SIZE_LIMIT", "0", "a number of bytes above 0"),
        ("TASK_DEFAULT_PRIORITY", "high", "a whole number from 0 (first) to 9"),
        ("PROFILE", "quick", "'durable' or 'fast'"),
        ("URL", "localhost", "an address such as sqlite:///jobs.db"),
        ("WORKER_LOG_LEVEL", "loud", "one of debug, info, warning, error, critical"),
        ("TASK_SERIALIZER", "pickle", "'json'"),
    ],
)
def test_wrong_text_in_the_environment_names_the_variable_and_the_form(
    variable: str, text: str, form: str
) -> None:
    words = refused(environ={f"CARDOON_{variable}": text})
    assert words == f"CARDOON_{variable} must be {form}, not {text!r}"


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert loaded(environ={"CARDOON_URL": "", "CARDOON_TASK_TIME_LIMIT": ""}).settings == Settings()


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://u:secret@h/0\n")
    found = loaded(environ={"CARDOON_URL_FILE": str(tmp_path / "url")})
    assert found.settings.url == "redis://u:secret@h/0"
    assert found.sources["url"] == "environment CARDOON_URL_FILE"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    words = refused(environ={"CARDOON_URL_FILE": str(tmp_path / "none")})
    assert words.startswith("CARDOON_URL_FILE: the file ")
    assert "could not be read" in words


def test_a_variable_and_its_file_must_agree(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://a")
    environ = {"CARDOON_URL": "redis://b", "CARDOON_URL_FILE": str(tmp_path / "url")}
    assert "CARDOON_URL and CARDOON_URL_FILE are one setting but differ" in refused(environ=environ)


def test_an_unknown_variable_is_noted_with_the_nearest_name() -> None:
    found = loaded(environ={"CARDOON_URLL": "x", "CARDOON_WORKER_PREFETCH_MULTIPLIER": "1", "URL": "y"})
    assert found.settings == Settings()
    assert found.notes == (
        "CARDOON_URLL in the environment is no setting; did you mean 'CARDOON_URL'?",
        "CARDOON_WORKER_PREFETCH_MULTIPLIER (environment) has no effect: "
        "workers take only what they can start soon",
    )


def test_variables_of_the_command_line_the_logs_and_the_tests_are_passed_over() -> None:
    environ = {"CARDOON_APP": "a:b", "CARDOON_TEST_REDIS": "x", "CARDOON_LOG": "y", "CARDOON_LOG_FORMAT": "z"}
    assert loaded(environ=environ) == loaded()


def test_the_environment_of_the_process_is_read_unless_another_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CARDOON_TIMEZONE", "Asia/Tokyo")
    assert load({}, pyproject=None).settings.timezone == "Asia/Tokyo"


def test_pyproject_is_found_in_the_directories_above(project: Callable[[str], Path]) -> None:
    project('[tool.cardoon]\napp = "shop.tasks:app"\nurl = "sqlite:///shop.db"\ntask_time_limit = 5\n')
    found = load({}, environ={})
    assert (found.settings.url, found.settings.task_time_limit) == ("sqlite:///shop.db", 5.0)
    assert found.sources["url"] == "pyproject.toml"
    assert pyproject_app() == "shop.tasks:app"


def test_a_pyproject_without_our_table_does_not_hide_one_above(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    project('[tool.cardoon]\nprofile = "fast"\n')
    Path("pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["cardoon"]\n')
    assert load({}, environ={}).settings.profile == "fast"
    assert pyproject_app() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.cardoon\n", "cannot be read"),
        ("[tool]\ncardoon = 3\n", "must be a table"),
        ('[tool.cardoon]\nurll = "x"\n', "[tool.cardoon] has no option 'urll'; did you mean 'url'?"),
        ('[tool.cardoon]\ntask_always_eager = "maybe"\n', "task_always_eager must be true or false"),
    ],
)
def test_a_wrong_pyproject_is_refused(project: Callable[[str], Path], text: str, words: str) -> None:
    assert words in refused(pyproject=project(text))


def test_an_app_that_is_no_path_is_refused(project: Callable[[str], Path]) -> None:
    file = project("[tool.cardoon]\napp = 3\n")
    with pytest.raises(ConfigurationError, match="must be like 'module:app', not 3"):
        pyproject_app(file)


def test_a_named_pyproject_must_be_there(tmp_path: Path) -> None:
    assert "cannot be read" in refused(pyproject=tmp_path / "pyproject.toml")


def test_a_module_that_was_read_unasked_is_named_as_the_source_and_may_hold_names_of_its_own() -> None:
    values = {"BROKER_URL": "a:1", "CELERY_MINE": 1, "here": "x", "OTHER": 2}
    found = load({}, environ={}, framework=values, module="celeryconfig", pyproject=None)
    assert (found.settings.url, found.sources["url"]) == ("a:1", "celeryconfig")
    assert found.notes == tuple(
        f"{name} in celeryconfig is no setting of Cardoon or Celery" for name in ("CELERY_MINE", "here")
    )
    with pytest.raises(UnknownOption, match="celeryconfig has no option 'brokr_url'; did you mean"):
        load({}, environ={}, framework={"brokr_url": "a:1"}, module="celeryconfig", pyproject=None)
