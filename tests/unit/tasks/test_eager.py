from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.tasks.conftest import Drain

from cardoon import AsyncResult, Cardoon, Task, current_job
from cardoon.model.errors import ArgumentsRefused, NotSerializable, PayloadTooLarge, ResultLost


def test_delay_runs_the_task_here_and_the_handle_is_final(eager: Cardoon) -> None:
    @eager.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    for handle in (add.delay(1, 2), add.apply_async((1, 2)), eager.send_task("add", (1, 2))):
        assert isinstance(handle, AsyncResult)
        assert (handle.ready(), handle.state, handle.get(timeout=0)) == (True, "SUCCESS", 3)
        assert eager.AsyncResult(handle.id).get(timeout=0) == 3
        assert add.AsyncResult(handle.id).get(timeout=0) == 3
    assert eager.engine.count() == {}


def test_map_runs_them_here_too(eager: Cardoon) -> None:
    ran: list[int] = []

    @eager.task(name="note")
    def note(x: int) -> int:
        ran.append(x)
        return x

    assert [handle.get(timeout=0) for handle in note.map([1, 2, 3])] == [1, 2, 3]
    assert ran == [1, 2, 3]


@pytest.mark.parametrize("thing", [object(), lambda: 1, [{1: object()}]], ids=["object", "lambda", "inside"])
def test_an_argument_that_cannot_travel_is_refused_as_in_a_worker(thing: Any, eager: Cardoon) -> None:
    ran: list[object] = []

    @eager.task(name="take")
    def take(thing: Any) -> None:
        ran.append(thing)

    with pytest.raises(NotSerializable, match="argument 'thing' of take"):
        take.delay(thing)
    with pytest.raises(NotSerializable):
        take.apply((thing,))
    assert ran == []


def test_other_bad_calls_are_refused_as_well(eager: Cardoon) -> None:
    @eager.task(name="take")
    def take(text: str) -> None: ...

    with pytest.raises(ArgumentsRefused):
        take.delay()  # type: ignore[call-arg]
    with pytest.raises(PayloadTooLarge):
        take.delay("x" * 300_000)


@pytest.mark.parametrize(
    "value", [(1, 2), {1, 2}, b"x", datetime(2030, 1, 1, tzinfo=UTC), timedelta(1), {1: "a"}]
)
def test_arguments_and_results_come_back_as_what_they_were(value: Any, eager: Cardoon) -> None:
    @eager.task(name="same")
    def same(thing: Any) -> Any:
        assert (thing, type(thing)) == (value, type(value))
        return thing

    result = same.delay(value).get(timeout=0)
    assert (result, type(result)) == (value, type(value))


def test_what_the_task_changes_in_its_argument_does_not_reach_the_caller(eager: Cardoon) -> None:
    @eager.task(name="grow")
    def grow(items: list[int]) -> list[int]:
        items.append(4)
        return items

    mine = [1]
    assert grow.delay(mine).get(timeout=0) == [1, 4]
    assert mine == [1]


def test_an_error_is_kept_in_the_handle_unless_it_is_to_propagate(eager: Cardoon) -> None:
    @eager.task(name="fail")
    def fail() -> None:
        raise KeyError("k")

    handle = fail.delay()
    assert (handle.ready(), handle.state) == (True, "FAILURE")
    with pytest.raises(KeyError):
        handle.get(timeout=0)
    with pytest.raises(KeyError):
        fail.apply(throw=True)
    eager.conf.task_eager_propagates = True
    with pytest.raises(KeyError):
        fail.delay()
    assert fail.apply(throw=False).state == "FAILURE"


def test_retries_come_at_once_and_end_with_the_error(eager: Cardoon) -> None:
    seen: list[int] = []

    @eager.task(name="again", bind=True, max_retries=3, default_retry_delay=3600)
    def again(self: Task) -> None:
        seen.append(self.request.retries)
        self.retry(exc=OSError("still"))

    handle = again.delay()
    assert seen == [0, 1, 2, 3]
    with pytest.raises(OSError, match="still"):
        handle.get(timeout=0)


def test_delays_and_expiry_are_ignored(eager: Cardoon) -> None:
    @eager.task(name="one")
    def one() -> int:
        return 1

    assert one.apply_async(countdown=3600).get(timeout=0) == 1
    assert one.apply_async(expires=0).get(timeout=0) == 1
    assert one.apply_async(eta=datetime.now(UTC) + timedelta(days=1), queue="q").get(timeout=0) == 1


def test_hooks_layers_and_listeners_hear_of_it(eager: Cardoon) -> None:
    heard: list[str] = []
    eager.events.listen(lambda event: heard.append(event.kind))

    def layer(request: Any, call_next: Any) -> Any:
        heard.append("layer")
        return call_next(request)

    eager.running.append(layer)

    class Told(eager.Task):  # type: ignore[name-defined, misc]
        name = "told"

        def run(self) -> int:
            heard.append("body")
            return 1

        def on_success(self, *_: Any) -> None:
            heard.append("on_success")

        def after_return(self, *_: Any) -> None:
            heard.append("after_return")

    Told.delay()
    inside = ["job.started", "layer", "body", "on_success", "after_return", "job.succeeded"]
    assert [one for one in heard if one != "job.sent"] == inside


def test_what_follows_runs_too(eager: Cardoon) -> None:
    seen: list[Any] = []

    @eager.task(name="add")
    def add(x: int, y: int) -> int:
        seen.append((x, y))
        return x + y

    add.apply_async((1, 2), link=[add.s(10), add.si(0, 0)])
    assert seen == [(1, 2), (3, 10), (0, 0)]


def test_jobs_sent_from_an_eager_job_run_within_it(eager: Cardoon) -> None:
    seen: list[Any] = []

    @eager.task(name="leaf")
    def leaf() -> None:
        seen.append(current_job().parent_id)

    @eager.task(name="branch")
    def branch() -> str:
        leaf.delay()
        return str(current_job().id)

    handle = branch.delay()
    assert seen == [handle.id] == [handle.get(timeout=0)]


def test_a_result_that_cannot_be_stored_is_lost_here_too(eager: Cardoon) -> None:
    @eager.task(name="odd")
    def odd() -> object:
        return object()

    with pytest.raises(ResultLost):
        odd.delay().get(timeout=0)


def test_async_def_runs_with_and_without_a_running_loop(eager: Cardoon) -> None:
    import asyncio

    @eager.task(name="later")
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x

    async def main() -> int:
        return await later.delay(2)

    assert later.delay(1).get(timeout=0) == 1
    assert asyncio.run(main()) == 2
    assert asyncio.run(later(3)) == 3


def test_apply_runs_here_without_eager_mode(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="where", bind=True)
    def where(self: Task, x: int = 0) -> Any:
        return self.request.is_eager, x

    handle = where.apply((3,))
    assert (handle.ready(), handle.get(timeout=0)) == (True, (True, 3))
    assert shop.engine.count() == {}
    sent = where.delay()
    drain(shop)
    assert sent.get(timeout=0) == (False, 0)


def test_the_switch_can_be_turned_at_any_time(memory_app: Cardoon) -> None:
    @memory_app.task(name="one")
    def one() -> int:
        return 1

    assert one.delay().ready() is False
    memory_app.conf.task_always_eager = True
    assert one.delay().ready() is True
