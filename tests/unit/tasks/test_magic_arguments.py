from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.unit.tasks.conftest import Drain

from cardoon import Cardoon, Task, get_task_logger

ALL = {"logfile", "loglevel", "task_id", "task_name", "task_retries", "task_is_eager", "delivery_info"}


def test_a_function_that_names_none_gets_none(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="f")
    def f(x: int) -> int:
        return x

    handle = f.delay(1)
    drain(shop)
    assert handle.get(timeout=0) == 1


def test_one_that_names_some_gets_just_these(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="f")
    def f(x: int, task_id: str, task_retries: int, *, task_name: str) -> Any:
        return x, task_id, task_retries, task_name

    handle = f.delay(1)
    drain(shop)
    assert handle.get(timeout=0) == (1, handle.id, 0, "f")


@pytest.mark.parametrize("said", ["task", "setting"])
def test_one_that_takes_any_gets_all_seven_when_asked_for(said: str, drain: Drain) -> None:
    app = Cardoon("m", url="memory://", accept_magic_kwargs=said == "setting")
    seen: dict[str, Any] = {}

    @app.task(name="f", accept_magic_kwargs=said == "task")
    def f(x: int, **kwargs: Any) -> None:
        seen.update(kwargs)

    handle = f.delay(1, mine=2)
    drain(app)
    assert seen.keys() == ALL | {"mine"}
    assert (seen["task_id"], seen["task_is_eager"], seen["task_retries"]) == (handle.id, False, 0)
    assert {"exchange", "routing_key", "consumer_tag"} <= seen["delivery_info"].keys()


def test_one_that_takes_any_gets_none_otherwise(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="f")
    def f(**kwargs: Any) -> Any:
        return kwargs

    handle = f.delay(mine=2)
    drain(shop)
    assert handle.get(timeout=0) == {"mine": 2}


def test_what_the_call_gives_is_left_alone(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="close")
    def close(task_id: int) -> int:
        return task_id

    handle = close.delay(42)
    drain(shop)
    assert handle.get(timeout=0) == 42


def test_in_eager_mode_they_say_so() -> None:
    app = Cardoon("m", url="memory://", task_always_eager=True, accept_magic_kwargs=True)
    seen: dict[str, Any] = {}

    @app.task(name="f")
    def f(**kwargs: Any) -> None:
        seen.update(kwargs)

    f.delay()
    assert (seen["task_is_eager"], seen["logfile"], seen["loglevel"]) == (True, None, 0)
    assert seen["delivery_info"] == {"is_eager": True}


def test_a_direct_call_gets_none_at_all(memory_app: Cardoon) -> None:
    @memory_app.task(name="f", accept_magic_kwargs=True)
    def f(**kwargs: Any) -> Any:
        return kwargs

    assert f(mine=1) == {"mine": 1}


# -- loggers


class AddTask(Task):
    name = "AddTask"
    accept_magic_kwargs = True

    def run(self, x: int, y: int, **kwargs: Any) -> int:
        logger = self.get_logger(**kwargs)
        logger.info("Adding %d + %d", x, y)
        return x + y


def test_a_line_of_the_tasks_logger_names_the_job_and_the_task(
    shop: Cardoon, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    handle = AddTask.delay(2, 2)
    drain(shop)
    (record,) = [record for record in caplog.records if record.getMessage() == "Adding 2 + 2"]
    assert (record.job_id, record.task_name) == (handle.id, "AddTask")  # type: ignore[attr-defined]


def test_at_warning_nothing_is_written(shop: Cardoon, drain: Drain, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    AddTask.delay(2, 2)
    drain(shop)
    assert "Adding" not in caplog.text


def test_a_modules_logger_names_the_job_too_and_nothing_outside_one(
    shop: Cardoon, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    logger = get_task_logger("shop.tasks")

    @shop.task(name="say")
    def say() -> None:
        logger.info("inside")

    handle = say.delay()
    drain(shop)
    logger.info("outside")
    told = {record.getMessage(): vars(record) for record in caplog.records}
    assert (told["inside"]["job_id"], told["inside"]["task_name"]) == (handle.id, "say")
    assert (told["outside"]["job_id"], told["outside"]["task_name"]) == ("", "")


def test_debug_task_logs_the_request_at_debug(
    shop: Cardoon, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    @shop.task(name="dbg", bind=True)
    def dbg(self: Task) -> None:
        self.debug_task()

    handle = dbg.delay()
    drain(shop)
    assert any(handle.id in record.getMessage() and record.levelname == "DEBUG" for record in caplog.records)
