from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.tasks.conftest import Ahead, Drain

from cardoon import Cardoon, Ignore, Task, TaskType, current_job
from cardoon.model.message import Message

Heard = list[tuple[Any, ...]]


@pytest.fixture
def told(shop: Cardoon) -> tuple[type[Task], Heard]:
    """A base whose hooks write down what they hear."""
    heard: Heard = []

    class Told(shop.Task):  # type: ignore[name-defined, misc]
        abstract = True
        default_retry_delay = 0

        def before_start(self, task_id: Any, args: Any, kwargs: Any) -> None:
            heard.append(("before_start", list(args), dict(kwargs)))

        def on_success(self, retval: Any, task_id: Any, args: Any, kwargs: Any) -> None:
            heard.append(("on_success", retval))

        def on_failure(self, exc: Any, task_id: Any, args: Any, kwargs: Any, einfo: Any) -> None:
            heard.append(("on_failure", repr(exc), einfo.type.__name__, "raise" in str(einfo)))

        def on_retry(self, exc: Any, task_id: Any, args: Any, kwargs: Any, einfo: Any) -> None:
            heard.append(("on_retry", repr(exc)))

        def after_return(
            self, status: Any, retval: Any, task_id: Any, args: Any, kwargs: Any, einfo: Any
        ) -> None:
            heard.append(("after_return", status, repr(retval), einfo is not None))

    return Told, heard


def test_hooks_of_a_success(told: tuple[Any, Heard], shop: Cardoon, drain: Drain) -> None:
    base, heard = told

    @shop.task(name="x", base=base)
    def x(a: int, b: int = 0) -> int:
        return a + b

    x.delay(1, b=2)
    drain(shop)
    assert heard == [
        ("before_start", [1], {"b": 2}),
        ("on_success", 3),
        ("after_return", "SUCCESS", "3", False),
    ]


def test_hooks_of_a_failure(told: tuple[Any, Heard], shop: Cardoon, drain: Drain) -> None:
    base, heard = told

    @shop.task(name="x", base=base)
    def x() -> None:
        raise KeyError("k")

    x.delay()
    drain(shop)
    assert heard[1:] == [
        ("on_failure", "KeyError('k')", "KeyError", True),
        ("after_return", "FAILURE", "KeyError('k')", True),
    ]


@pytest.mark.parametrize("how", ["raise", "retry_for"])
def test_hooks_of_a_retry_hear_the_error_behind_it(
    how: str, told: tuple[Any, Heard], shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    base, heard = told

    @shop.task(name="x", base=base, bind=True, retry_for=TimeoutError)
    def x(self: Task) -> None:
        if self.request.retries == 0:
            if how == "raise":
                self.retry(exc=TimeoutError("t"))
            raise TimeoutError("t")

    x.delay()
    drain(shop, most=1)
    assert heard[1:] == [
        ("on_retry", "TimeoutError('t')"),
        ("after_return", "RETRY", "TimeoutError('t')", True),
    ]
    ahead.move(1)
    drain(shop)
    assert heard[-2:] == [("on_success", None), ("after_return", "SUCCESS", "None", False)]


def test_a_skipped_job_is_neither_a_success_nor_a_failure(
    told: tuple[Any, Heard], shop: Cardoon, drain: Drain
) -> None:
    base, heard = told

    @shop.task(name="x", base=base)
    def x() -> None:
        raise Ignore("not today")

    x.delay()
    drain(shop)
    assert [name for name, *_ in heard] == ["before_start", "after_return"]
    assert heard[1][1] == "SKIPPED"


@pytest.mark.parametrize("hook", ["on_success", "on_failure", "on_retry", "after_return"])
def test_a_hook_that_raises_is_logged_and_changes_nothing(
    hook: str, shop: Cardoon, drain: Drain, ahead: Ahead, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Any, *_: Any) -> None:
        raise RuntimeError("the hook is broken")

    base = TaskType("Base", (shop.Task,), {"abstract": True, hook: broken})

    @shop.task(name="x", base=base, retry_for=OSError, max_retries=1, default_retry_delay=0)
    def x(fails: bool) -> int:
        if fails:
            raise OSError("disk")
        return 5

    good, bad = x.delay(False), x.delay(True)
    for _ in range(3):
        drain(shop)
        ahead.move(1)
    assert good.get(timeout=0) == 5
    with pytest.raises(OSError, match="disk"):
        bad.get(timeout=0)
    assert f"{hook} of x failed; the outcome stands" in caplog.text


def test_what_before_start_raises_fails_the_attempt(shop: Cardoon, drain: Drain) -> None:
    ran: list[int] = []

    class Guarded(shop.Task):  # type: ignore[name-defined, misc]
        name = "guarded"

        def before_start(self, *_: Any) -> None:
            raise PermissionError("closed")

        def run(self) -> None:
            ran.append(1)

    handle = Guarded.delay()
    drain(shop)
    assert ran == []
    with pytest.raises(PermissionError):
        handle.get(timeout=0)


def test_hooks_of_celery_1_need_not_take_einfo(shop: Cardoon, drain: Drain) -> None:
    heard: list[Any] = []

    class Old(shop.Task):  # type: ignore[name-defined, misc]
        name = "old"

        def run(self) -> None:
            raise KeyError("k")

        def on_failure(self, exc: Any, task_id: Any, args: Any, kwargs: Any) -> None:
            heard.append((exc.args, args, kwargs))

    Old.delay()
    drain(shop)
    assert heard == [(("k",), [], {})]


def test_run_layers_stand_around_the_body_first_one_outermost(shop: Cardoon, drain: Drain) -> None:
    order: list[str] = []

    def layer(name: str) -> Callable[..., Any]:
        def around(request: Any, call_next: Any) -> Any:
            order.append(f"{name} before {request.task}")
            value = call_next(request)
            order.append(f"{name} after")
            return value * 2

        return around

    shop.running += [layer("outer"), layer("inner")]

    @shop.task(name="x")
    def x() -> int:
        order.append("body")
        return 1

    handle = x.delay()
    drain(shop)
    assert order == ["outer before x", "inner before x", "body", "inner after", "outer after"]
    assert handle.get(timeout=0) == 4


# -- what follows


@pytest.fixture
def add(shop: Cardoon) -> Task[[int, int], int]:
    @shop.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    return add


def test_a_link_gets_the_value_first_unless_it_is_immutable(
    shop: Cardoon, add: Task[[int, int], int], drain: Drain
) -> None:
    handle = add.apply_async((1, 2), link=[add.s(10), add.si(7, 7)])
    drain(shop)
    assert [child.get(timeout=0) for child in handle.children] == [13, 14]


def test_a_link_may_have_a_link_of_its_own_and_options(
    shop: Cardoon, add: Task[[int, int], int], drain: Drain
) -> None:
    last = add.options(queue="last").s(100)
    handle = add.apply_async((1, 2), link=add.options(link=last).s(10))
    drain(shop)
    (middle,) = handle.children
    (end,) = middle.children
    assert (middle.get(timeout=0), end.get(timeout=0)) == (13, 113)
    assert end.job is not None
    assert end.job.queue == "last"


def test_link_error_gets_the_id_of_the_job_that_failed(shop: Cardoon, drain: Drain) -> None:
    seen: list[Any] = []

    @shop.task(name="blame")
    def blame(id: str, who: str) -> None:
        seen.append((id, who, current_job().parent_id))

    @shop.task(name="fail")
    def fail() -> None:
        raise KeyError

    handle = fail.apply_async(link=blame.s("link"), link_error=blame.s("link_error"))
    drain(shop)
    assert seen == [(handle.id, "link_error", handle.id)]


def test_link_error_waits_for_the_last_attempt(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    seen: list[str] = []

    @shop.task(name="blame")
    def blame(id: str) -> None:
        seen.append(id)

    @shop.task(name="fail", retry_for=OSError, max_retries=1)
    def fail() -> None:
        raise OSError

    handle = fail.apply_async(link_error=[blame.s()])
    drain(shop)
    assert seen == []
    ahead.move(300)
    drain(shop)
    assert seen == [handle.id]


def test_the_value_reaches_the_link_also_when_it_is_not_stored(
    shop: Cardoon, add: Task[[int, int], int], drain: Drain
) -> None:
    handle = add.apply_async((1, 2), link=add.s(10), ignore_result=True)
    drain(shop)
    assert handle.get(timeout=0) is None
    assert [child.get(timeout=0) for child in handle.children] == [13]


def test_a_value_of_any_kind_reaches_the_link_as_it_was(shop: Cardoon, drain: Drain) -> None:
    seen: list[Any] = []

    @shop.task(name="make")
    def make() -> set[tuple[int, bytes]]:
        return {(1, b"x")}

    @shop.task(name="take")
    def take(value: Any) -> None:
        seen.append(value)

    make.apply_async(link=take.s())
    drain(shop)
    assert seen == [{(1, b"x")}]


def test_a_link_that_the_value_does_not_fit_is_parked_and_the_job_stands(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="make")
    def make() -> str:
        return "text"

    @shop.task(name="count")
    def count(number: int) -> None: ...

    handle = make.apply_async(link=count.s())
    drain(shop)
    assert handle.get(timeout=0) == "text"
    (child,) = handle.children
    assert child.job is not None
    assert child.job.state == "parked"
    assert "argument 'number' of count" in child.job.note


def test_signatures_are_plain_messages_that_are_checked_for_travel_at_once(add: Task[..., int]) -> None:
    assert isinstance(add.s(1), Message)
    assert (add.s(1).args, add.si(1, 2).args) == ([1], [1, 2])
    with pytest.raises(TypeError):
        add.si(1)
    with pytest.raises(TypeError, match="argument 'x' of add must be int"):
        add.si("1", 2)
