"""The paths of Celery 1.0 and of a project of the seeds, with what their tasks expect (seed-spec D4, E5)."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
from tests.unit.tasks.conftest import Drain

import cardoon
from cardoon import BaseTask, Cardoon, TaskType, registry
from cardoon.tasks.legacy import Task, task

SEVEN = {"logfile", "loglevel", "task_id", "task_name", "task_retries", "task_is_eager", "delivery_info"}
SEEN: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def nothing_was_seen() -> None:
    SEEN.clear()


@task
def bare(x: int, **kwargs: Any) -> None:
    SEEN.append(kwargs)


@task(queue="slow")
def with_options(x: int, **kwargs: Any) -> None:
    SEEN.append(kwargs)


@task()
def named(x: int, task_id: str) -> str:
    return task_id


@task
def plain(x: int) -> int:
    return x


class Update(Task):
    def run(self, x: int, **kwargs: Any) -> None:
        SEEN.append(kwargs)


@task(max_retries=2)
def third_time(x: int, **kwargs: Any) -> int:
    SEEN.append(kwargs)
    if kwargs["task_retries"] < 2:
        third_time.retry([x], kwargs, exc=OSError("not yet"), countdown=0)
    return int(kwargs["task_retries"])


@task(accept_magic_kwargs=False)
def without(**kwargs: Any) -> None:
    SEEN.append(kwargs)


@pytest.mark.parametrize("declared", [bare, with_options, Update])
def test_whatever_takes_any_arguments_gets_all_seven(declared: Any, shop: Cardoon, drain: Drain) -> None:
    handle = declared.delay(1)
    drain(shop)
    (seen,) = SEEN
    assert seen.keys() == SEVEN
    assert (seen["task_id"], seen["task_is_eager"], seen["task_retries"]) == (handle.id, False, 0)


def test_what_names_some_gets_these_and_what_names_none_gets_none(shop: Cardoon, drain: Drain) -> None:
    one, none = named.delay(1), plain.delay(1)
    drain(shop)
    assert (one.get(timeout=0), none.get(timeout=0)) == (one.id, 1)


def test_in_eager_mode_they_say_so(eager: Cardoon) -> None:
    bare.delay(1)
    assert SEEN[0]["task_is_eager"] is True
    assert SEEN[0]["delivery_info"] == {"is_eager": True}


def test_on_the_third_attempt_there_were_two_retries(shop: Cardoon, drain: Drain) -> None:
    handle = third_time.delay(1)
    drain(shop)
    assert handle.get(timeout=0) == 2
    assert [seen["task_retries"] for seen in SEEN] == [0, 1, 2]


def test_a_task_may_decline(shop: Cardoon, drain: Drain) -> None:
    without.delay()
    drain(shop)
    assert SEEN == [{}]


def test_a_class_registers_itself_and_its_subclass_too() -> None:
    assert type(Update) is TaskType
    assert isinstance(registry[f"{__name__}.Update"], Update)
    assert f"{Task.__module__}.Task" not in registry


PATHS = """
import cardoon
from cardoon import BaseTask, Celery, TaskType, registry, task
before = task
from cardoon.task import Task, TaskType as the_same
from cardoon.decorators import task as legacy
assert the_same is TaskType

@legacy
def old(**kwargs): ...

@before
def new(**kwargs): ...

@cardoon.task
def newer(**kwargs): ...

@cardoon.task(queue="slow")
def newest(**kwargs): ...

class CreateUserTask(Task):
    def run(self, username, password): ...

for name in ("old", "new", "newer", "newest", "CreateUserTask"):
    declared = registry[f"__main__.{name}"].declared
    print(name, declared.accept_magic_kwargs, declared.queue)
"""


def test_the_paths_of_celery_lead_to_the_tasks_that_they_led_to() -> None:
    done = subprocess.run([sys.executable, "-c", PATHS], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "old True None",
        "new False None",
        "newer False None",
        "newest False slow",
        "CreateUserTask True None",
    ]


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'cardoon' has no attribute 'nothing'"):
        cardoon.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert {"BaseTask", "exceptions", "get_task_logger", "Cardoon"} <= set(dir(cardoon))


# -- the base of the tasks of a project


class Fetch(BaseTask):
    name = "Fetch sheep"

    def run(self, animal: str) -> str:
        if not animal:
            raise ValueError("no animal")
        return animal


class Import(BaseTask):
    name = "Import sheep"
    action = "importing"

    def run(self) -> None: ...


def test_a_failing_one_writes_one_error_with_id_and_exception(
    shop: Cardoon, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    handles = [Fetch.delay("sheep"), Fetch.delay("")]
    drain(shop)
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.getMessage() for record in errors] == [f"'{handles[1].id}' failed: no animal"]
    assert vars(errors[0])["job_id"] == handles[1].id
    assert errors[0].name == __name__


def test_its_action_is_its_name_unless_it_has_one() -> None:
    assert registry["Fetch sheep"].action == "Fetch sheep"
    assert registry["Import sheep"].action == "importing"
    assert "BaseTask" not in {type(found).__name__ for found in registry.values()}
