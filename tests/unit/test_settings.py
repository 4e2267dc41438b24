from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cardoon.model import celery_names
from cardoon.model.errors import ConfigurationError, UnknownOption
from cardoon.model.queue import Queue
from cardoon.settings import DEFAULTS, FIELDS, OWN, Loaded, Settings, load, problems


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


def test_without_a_word_everything_is_as_the_defaults_say() -> None:
    found = loaded()
    assert found.settings == Settings()
    assert set(found.sources.values()) == {"default"}
    assert found.notes == ()
    assert problems(found.settings) == []


def test_every_setting_has_a_kind_a_sentence_and_a_default() -> None:
    assert list(FIELDS) == list(Settings.__struct_fields__) == list(DEFAULTS)
    assert set(FIELDS) >= OWN
    assert all(field.meaning and field.kind.form for field in FIELDS.values())


SPELLINGS = {
    "task_always_eager": ("CELERY_ALWAYS_EAGER", "CELERY_TASK_ALWAYS_EAGER", "CARDOON_TASK_ALWAYS_EAGER"),
    "task_eager_propagates": ("CELERY_EAGER_PROPAGATES_EXCEPTIONS", "CELERY_TASK_EAGER_PROPAGATES"),
    "task_ignore_result": ("CELERY_IGNORE_RESULT", "CELERY_TASK_IGNORE_RESULT"),
    "task_default_queue": ("CELERY_DEFAULT_QUEUE", "CELERY_TASK_DEFAULT_QUEUE"),
    "task_queues": ("CELERY_QUEUES", "CELERY_TASK_QUEUES"),
    "task_create_missing_queues": ("CELERY_CREATE_MISSING_QUEUES",),
    "task_time_limit": ("CELERYD_TASK_TIME_LIMIT", "CELERY_TASK_TIME_LIMIT"),
    "task_soft_time_limit": ("CELERYD_TASK_SOFT_TIME_LIMIT", "CELERY_TASK_SOFT_TIME_LIMIT"),
    "task_store_errors_even_if_ignored": ("CELERY_STORE_ERRORS_EVEN_IF_IGNORED",),
    "task_serializer": ("CELERY_TASK_SERIALIZER",),
    "accept_content": ("CELERY_ACCEPT_CONTENT",),
    "result_expires": ("CELERY_TASK_RESULT_EXPIRES", "CELERY_RESULT_EXPIRES"),
    "worker_concurrency": ("CELERYD_CONCURRENCY", "CELERY_WORKER_CONCURRENCY"),
    "imports": ("CELERY_IMPORTS", "CARDOON_IMPORTS"),
    "include": ("CELERY_INCLUDE",),
    "timezone": ("CELERY_TIMEZONE", "CARDOON_TIMEZONE"),
    "url": ("BROKER_URL", "CELERY_BROKER_URL", "CARDOON_URL", "broker_url"),
}
SOME_VALUE: dict[str, Any] = {
    "task_default_queue": "images",
    "task_queues": ("celery", "images"),
    "task_create_missing_queues": False,
    "task_store_errors_even_if_ignored": False,
    "task_time_limit": 30.0,
    "task_soft_time_limit": 20.0,
    "task_serializer": "json",
    "accept_content": ("json",),
    "result_expires": 60.0,
    "worker_concurrency": 3,
    "imports": ("a.tasks",),
    "include": ("b.tasks",),
    "timezone": "Europe/Helsinki",
    "url": "redis://h/0",
}


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in SPELLINGS.items() for key in keys])
def test_a_setting_is_understood_in_all_its_spellings(name: str, key: str) -> None:
    value = SOME_VALUE.get(name, True)
    plain = loaded({name: value})
    assert loaded({key: value}).settings == plain.settings
    assert loaded(framework={key: value}).settings == plain.settings
    assert loaded(framework={key: value}).sources[name] == "framework settings"


def test_an_application_may_have_a_prefix_of_its_own() -> None:
    found = loaded({"namespace": "JOBS"}, framework={"JOBS_TASK_ALWAYS_EAGER": True, "OTHER_THING": 1})
    assert found.settings.task_always_eager
    assert loaded(framework={"JOBS_TASK_ALWAYS_EAGER": True}).settings == Settings()


def test_two_spellings_of_one_value_are_fine_and_of_two_values_are_not() -> None:
    assert loaded({"CELERY_ALWAYS_EAGER": True, "task_always_eager": "yes"}).settings.task_always_eager
    words = refused(framework={"CELERY_ALWAYS_EAGER": True, "CELERY_TASK_ALWAYS_EAGER": False})
    assert words == (
        "CELERY_ALWAYS_EAGER and CELERY_TASK_ALWAYS_EAGER are one setting but differ: True and False"
    )


def test_a_conflict_of_addresses_hides_their_passwords() -> None:
    words = refused(explicit={"url": "redis://u:secret@a", "broker_url": "redis://u:hidden@b"})
    assert words == "url and broker_url are one setting but differ: 'redis://u:***@a' and 'redis://u:***@b'"


def test_the_same_setting_from_two_sources_is_no_conflict() -> None:
    found = loaded({"task_always_eager": False}, framework={"CELERY_ALWAYS_EAGER": True})
    assert not found.settings.task_always_eager


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (
            "task_alway_eager",
            "the application has no option 'task_alway_eager'; did you mean 'task_always_eager'?",
        ),
        ("CELERY_TASK_ALWAYS_EAGR", "did you mean 'CELERY_TASK_ALWAYS_EAGER'?"),
        ("CARDOON_TASK_ALWAYS_EAGR", "did you mean 'CARDOON_TASK_ALWAYS_EAGER'?"),
        ("broker_ulr", "did you mean 'broker_url'?"),
        ("CELERYD_CONCURENCY", "did you mean 'CELERYD_CONCURRENCY'?"),
    ],
)
def test_an_unknown_setting_is_an_error_with_the_nearest_name_in_the_same_spelling(
    key: str, words: str
) -> None:
    with pytest.raises(UnknownOption) as caught:
        loaded({key: 1})
    assert words in str(caught.value)


def test_a_framework_may_hold_settings_of_others() -> None:
    found = loaded(
        framework={"DEBUG": True, "SECRET_KEY": "x", "sqlalchemy.url": "y", "CELERY_MAIN_QUEUE": "z"}
    )
    assert found.settings == Settings()
    assert found.notes == ("CELERY_MAIN_QUEUE in the framework's mapping is no setting of Cardoon or Celery",)


@pytest.mark.parametrize("key", ["CELERY_TASK_ALWAYS_EAGR", "CARDOON_NONSENSE", "nonsense"])
def test_a_typo_among_the_settings_of_a_framework_is_an_error(key: str) -> None:
    with pytest.raises(UnknownOption):
        loaded(framework={key: 1})


@pytest.mark.parametrize("name", [*celery_names.NOT_NEEDED, *celery_names.NOT_YET])
def test_what_celery_needs_and_cardoon_does_not_is_accepted_with_a_note(name: str) -> None:
    found = loaded({name: "x"})
    assert found.settings == Settings()
    assert len(found.notes) == 1
    assert found.notes[0].startswith(f"{name} (argument) has no effect: ")
    assert ("not supported yet" in found.notes[0]) is (name in celery_names.NOT_YET)


@pytest.mark.parametrize(
    "key",
    [
        "CELERYD_PREFETCH_MULTIPLIER",
        "CELERY_ACKS_LATE",
        "CELERY_SEND_EVENTS",
        "CELERYBEAT_SCHEDULER",
        "BROKER_TRANSPORT_OPTIONS",
        "CELERYD_HIJACK_ROOT_LOGGER",
        "CELERY_RESULT_SERIALIZER",
        "CELERYBEAT_SCHEDULE",
        "CELERY_BEAT_SCHEDULE",
        "CELERY_ROUTES",
        "CELERYD_MAX_TASKS_PER_CHILD",
        "CELERY_SEND_TASK_ERROR_EMAILS",
    ],
)
def test_such_settings_are_known_by_their_old_names_too(key: str) -> None:
    (note,) = loaded(framework={key: 1}).notes
    assert note.startswith(f"{key} (framework settings) has no effect: ")


def test_no_setting_stands_in_two_tables() -> None:
    tables = [set(FIELDS), set(celery_names.NOT_NEEDED), set(celery_names.NOT_YET), set(celery_names.ALIASES)]
    assert sum(map(len, tables)) == len(set().union(*tables))


def test_every_old_name_leads_to_a_known_one() -> None:
    known = {*FIELDS, *celery_names.NOT_NEEDED, *celery_names.NOT_YET}
    assert set(celery_names.OLD.values()) <= known


def test_a_result_backend_is_the_url_or_noted() -> None:
    url = "redis://u:secret@h/0"
    assert loaded({"broker_url": url, "result_backend": url}).notes == ()
    (note,) = loaded({"broker_url": url, "CELERY_RESULT_BACKEND": "redis://u:hidden@h/1"}).notes
    assert note.startswith("result_backend redis://u:***@h/1 has no effect: results are kept with their jobs")
    assert "result_backend" not in loaded({"result_backend": "rpc://"}).sources


def test_everything_wrong_is_told_at_once_a_line_each() -> None:
    words = refused(
        explicit={"nonsense": 1, "task_default_priority": 11, "timezone": "Mars/Base"},
        environ={"CARDOON_TASK_ALWAYS_EAGER": "maybe"},
    )
    lines = words.splitlines()
    assert len(lines) == 4
    for word in ("nonsense", "priority", "Mars/Base", "CARDOON_TASK_ALWAYS_EAGER"):
        assert sum(word in line for line in lines) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"task_time_limit": 5, "task_soft_time_limit": 9},
            "soft_time_limit (9 s) must not be above time_limit (5 s)",
        ),
        ({"accept_content": ["pickle"]}, "lacks the task_serializer 'json'"),
        ({"task_queues": ["a", "a"]}, "the queue 'a' is declared twice"),
        ({"task_queues": ["a,b"]}, "'a,b' cannot name a queue"),
        ({"task_default_queue": ""}, "cannot name a queue"),
        ({"task_queues": 5}, "task_queues must be queues or their names"),
        ({"imports": b"x"}, "imports must be names"),
        ({"url": ["redis://u:secret@h"]}, "url must be an address"),
        ({"task_always_eager": 2}, "task_always_eager must be true or false"),
        ({"worker_concurrency": True}, "worker_concurrency must be a number of processes"),
    ],
    ids=repr,
)
def test_a_value_that_cannot_be_is_refused(given: dict[str, Any], words: str) -> None:
    assert words in refused(explicit=given)


def test_values_are_brought_to_one_form() -> None:
    found = loaded(
        {
            "result_expires": timedelta(days=1),
            "timezone": ZoneInfo("Europe/Helsinki"),
            "accept_content": ["application/json", "yaml"],
            "task_queues": [Queue("celery", timedelta(seconds=5)), "b", SimpleNamespace(name="c")],
            "worker_concurrency": 0,
            "imports": ["a"],
        }
    ).settings
    assert found.result_expires == 86_400.0
    assert found.timezone == "Europe/Helsinki"
    assert found.accept_content == ("json",)
    assert found.task_queues == (Queue("celery", timedelta(seconds=5)), Queue("b"), Queue("c"))
    assert found.worker_concurrency is None
    assert found.imports == ("a",)


def test_the_queues_of_celery_1_are_read_from_their_mapping() -> None:
    queues = {"celery": {"exchange": "celery"}, "images": {"binding_key": "images"}}
    assert loaded(framework={"CELERY_QUEUES": queues}).settings.task_queues == (
        Queue("celery"),
        Queue("images"),
    )


def test_a_zone_object_without_a_name_is_refused() -> None:
    assert "timezone must be" in refused(explicit={"timezone": timezone(timedelta(hours=1))})


def test_none_means_not_given_unless_none_is_a_value() -> None:
    environ = {"CARDOON_TIMEZONE": "Asia/Tokyo", "CARDOON_TASK_TIME_LIMIT": "5"}
    found = loaded(
        {"timezone": None, "url": None, "task_time_limit": None, "result_expires": None}, environ=environ
    )
    assert found.settings.timezone == "Asia/Tokyo"
    assert found.settings.task_time_limit is None
    assert found.settings.result_expires is None
    assert found.sources["url"] == "default"


def test_queues_are_created_freely_until_some_are_declared() -> None:
    assert loaded().settings.task_create_missing_queues is True
    assert loaded({"task_queues": ["celery"]}).settings.task_create_missing_queues is False
    both = {"task_queues": ["celery"], "task_create_missing_queues": True}
    assert loaded(both).settings.task_create_missing_queues is True


def test_what_may_not_do_what_was_hoped_is_noted() -> None:
    found = loaded({"task_queues": ["images"], "enable_utc": False, "accept_content": ["json", "yaml"]})
    assert [note.split()[0] for note in found.notes] == [
        "enable_utc=False",
        "accept_content:",
        "task_default_queue",
    ]


def test_settings_made_by_hand_can_be_checked_too() -> None:
    wrong = Settings(task_default_priority=12, url="nowhere", profile="quick")  # type: ignore[arg-type]
    found = problems(wrong)
    assert len(found) == 3
    assert problems(Settings(task_time_limit=1.0, task_soft_time_limit=2.0)) == [
        "task_soft_time_limit (2 s) must not be above time_limit (1 s)"
    ]


def test_printed_settings_hide_the_password() -> None:
    text = repr(Settings(url="redis://u:secret@h/0", task_always_eager=True))
    assert text == "Settings(url='redis://u:***@h/0', task_always_eager=True)"
    assert "secret" not in repr(loaded({"url": "redis://u:secret@h/0"}))
