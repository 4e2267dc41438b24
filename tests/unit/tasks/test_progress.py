"""`update_state`: what a task says of itself while it runs."""

from __future__ import annotations

import logging
from typing import Any
from unittest.mock import patch

import pytest
from tests.unit.tasks.conftest import Drain

from cardoon import Cardoon, Task
from cardoon.engines.memory import MemoryEngine
from cardoon.model.errors import EngineUnavailable, InvalidOption, NotSerializable
from cardoon.worker.execution import execute


def seen_inside(app: Cardoon, drain: Drain, **said: Any) -> tuple[Any, ...]:
    """What its handle shows while the job runs, after it said this: state, info, ready; and what it heard."""
    seen: list[Any] = []

    @app.task(name="slow", bind=True)
    def slow(self: Task) -> str:
        wrote = self.update_state(**said)
        handle = app.AsyncResult(str(self.request.id))
        seen.append((handle.state, handle.info, handle.ready(), wrote))
        return "done"

    handle = slow.delay()
    drain(app)
    assert (handle.state, handle.info) == ("SUCCESS", "done")
    return seen[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("state", ["PROGRESS", "SEWING", None])
def test_the_handle_shows_the_state_and_the_meta_while_the_job_runs(
    state: str | None, shop: Cardoon, drain: Drain
) -> None:
    meta = {"current": 17, "total": 40, "seen": {1, 2}}
    assert seen_inside(shop, drain, state=state, meta=meta) == (state or "PROGRESS", meta, False, True)


def test_meta_may_be_left_out(shop: Cardoon, drain: Drain) -> None:
    assert seen_inside(shop, drain, state="PARTED") == ("PARTED", None, False, True)


def test_the_last_word_counts_and_another_attempt_begins_without_any(shop: Cardoon, drain: Drain) -> None:
    seen: list[Any] = []

    @shop.task(name="twice", bind=True, max_retries=1)
    def twice(self: Task) -> None:
        handle = shop.AsyncResult(str(self.request.id))
        seen.append(handle.state)
        self.update_state(state="ONE", meta=1)
        self.update_state(state="TWO", meta=2)
        seen.append((handle.state, handle.info))
        self.retry(countdown=0)

    twice.delay()
    drain(shop)
    assert seen == ["STARTED", ("TWO", 2)] * 2


def test_the_task_itself_need_not_be_bound(shop: Cardoon, drain: Drain) -> None:
    seen: list[Any] = []

    @shop.task(name="free")
    def free() -> None:
        free.update_state(state="PROGRESS", meta={"current": 1})
        free.options(priority=1).update_state(meta={"current": 2})
        seen.append([job.progress for job in [shop.AsyncResult(handle.id).job] if job])

    handle = free.delay()
    drain(shop)
    assert seen == [[b'["PROGRESS",{"current":2},1]']]


def test_outside_a_job_nothing_happens(shop: Cardoon) -> None:
    @shop.task(name="f")
    def f() -> bool:
        return f.update_state(state="PROGRESS", meta=object())

    assert f() is False
    assert f.update_state("some id", "PROGRESS") is False


def test_in_a_job_of_another_task_nothing_happens(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="other")
    def other() -> None: ...

    @shop.task(name="f")
    def f() -> bool:
        return other.update_state(state="PROGRESS")

    handle = f.delay()
    drain(shop)
    assert handle.get(timeout=0) is False


def test_in_eager_mode_it_is_checked_and_goes_nowhere(shop: Cardoon) -> None:
    @shop.task(name="f")
    def f(meta: Any) -> bool:
        return f.update_state(meta=meta)

    @shop.task(name="wrong")
    def wrong() -> bool:
        return wrong.update_state(meta=object())

    assert f.apply((1,)).get() is False
    with pytest.raises(NotSerializable):
        wrong.apply(throw=True)


def test_a_job_speaks_for_itself_only(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="f", bind=True)
    def f(self: Task, id: str) -> bool:
        return self.update_state(task_id=id or self.request.id, state="X")

    own, others = f.delay(""), f.delay("another")
    drain(shop)
    assert own.get(timeout=0) is True
    with pytest.raises(InvalidOption, match="can update its own state only, not that of another"):
        others.get(timeout=0)


def test_an_attempt_that_lost_its_job_writes_nothing(shop: Cardoon) -> None:
    heard: list[bool] = []

    @shop.task(name="f", bind=True)
    def f(self: Task) -> None:
        shop.engine.retire("lost", crashed=False)
        heard.append(self.update_state(state="LATE"))

    handle = f.delay()
    (claim,) = shop.engine.claim("lost", None, 1)
    execute(shop, claim)
    assert heard == [False]
    assert (handle.state, handle.info) == ("PENDING", None)


def test_an_engine_that_is_away_fails_no_job(caplog: pytest.LogCaptureFixture, drain: Drain) -> None:
    class Away(MemoryEngine):
        def annotate(self, *args: Any) -> bool:
            raise EngineUnavailable("not just now")

    app = Cardoon("away", engine=Away())

    @app.task(name="f")
    def f() -> bool:
        return f.update_state(meta=1)

    caplog.set_level(logging.WARNING)
    handle = f.delay()
    drain(app)
    assert handle.get(timeout=0) is False
    assert "how far it is was not written: not just now" in caplog.text


def test_it_can_be_patched_as_the_guides_of_celery_show(shop: Cardoon) -> None:
    @shop.task(name="f", bind=True)
    def f(self: Task) -> None:
        self.update_state(state="FAILURE", meta={"errors": ["my uncool errors"]})

    with patch.object(f, "update_state") as update_state:
        f.apply()
    update_state.assert_called_once_with(state="FAILURE", meta={"errors": ["my uncool errors"]})
