from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.tasks.conftest import Ahead, Drain

from cardoon import Cardoon, Retry, Task, current_job
from cardoon.model import errors
from cardoon.model.errors import ArgumentsRefused, InvalidOption, MaxRetriesExceededError
from cardoon.model.states import State

YEAR = 365 * 86_400


def run_out(app: Cardoon, drain: Drain, ahead: Ahead, rounds: int = 30) -> int:
    """Run everything, retries too, whatever their delays; how many attempts that were."""
    attempts = 0
    for _ in range(rounds):
        attempts += len(drain(app))
        ahead.move(YEAR)
    return attempts


def test_between_attempts_the_job_is_in_retry_with_its_error_id_and_queue(
    shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    @shop.task(name="again", bind=True)
    def again(self: Task) -> str:
        if self.request.retries == 0:
            self.retry(exc=OSError("busy"), countdown=120)
        return f"attempt {self.request.attempt}"

    handle = again.apply_async(queue="q")
    assert [end.state for end in drain(shop)] == [State.RETRYING]
    assert (handle.state, handle.ready(), handle.failed()) == ("RETRY", False, False)
    assert isinstance(handle.result, OSError)
    assert handle.job is not None
    assert (handle.job.queue, handle.job.retries) == ("q", 1)
    ahead.move(60)
    assert drain(shop) == []
    ahead.move(60)
    drain(shop)
    assert handle.get(timeout=0) == "attempt 2"


def test_three_retries_make_four_runs_and_the_error_that_was_given_is_the_end(
    shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    @shop.task(name="always", bind=True, max_retries=3)
    def always(self: Task) -> None:
        self.retry(exc=KeyError("k"))

    handle = always.delay()
    assert run_out(shop, drain, ahead) == 4
    with pytest.raises(KeyError, match="'k'"):
        handle.get(timeout=0)
    assert [job.attempt for job in shop.engine.attempts(handle.id)] == [1, 2, 3]


def test_without_an_error_too_many_retries_end_with_one_of_their_own(
    shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    @shop.task(name="always", bind=True, max_retries=1)
    def always(self: Task) -> None:
        self.retry()

    handle = always.delay()
    assert run_out(shop, drain, ahead) == 2
    with pytest.raises(MaxRetriesExceededError, match=r"always\[.*\] was retried 1 times"):
        handle.get(timeout=0)


def test_the_call_of_retry_may_set_its_own_limit(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="always", bind=True, max_retries=None)
    def always(self: Task) -> None:
        self.retry(max_retries=5, exc=OSError())

    always.delay()
    assert run_out(shop, drain, ahead) == 6


def test_max_retries_none_goes_on_and_on(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="endless", bind=True, max_retries=None)
    def endless(self: Task) -> None:
        self.retry(exc=OSError())

    handle = endless.delay()
    assert run_out(shop, drain, ahead, rounds=15) == 15
    assert handle.state == "RETRY"


def test_max_retries_0_never_retries(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="once", max_retries=0, retry_for=OSError)
    def once() -> None:
        raise OSError

    once.delay()
    assert run_out(shop, drain, ahead) == 1


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 30 * 60),
        ({"countdown": 60}, 60),
        ({"countdown": timedelta(hours=2)}, 7200),
        ({"countdown": 0}, 0),
        ({"eta": "in 90 seconds"}, 90),
    ],
    ids=["the default of the task", "countdown", "a timedelta", "at once", "eta"],
)
def test_a_retry_waits_as_long_as_it_is_told(
    options: dict[str, Any], seconds: int, shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    @shop.task(name="later", bind=True, default_retry_delay=30 * 60)
    def later(self: Task) -> int:
        if self.request.retries:
            return 1
        given = {**options}
        if "eta" in given:
            given["eta"] = datetime.now(UTC) + timedelta(seconds=90)
        raise self.retry(**given)

    handle = later.delay()
    if seconds:
        assert len(drain(shop)) == 1
        ahead.move(seconds / 2)
        assert drain(shop) == []
        ahead.move(seconds / 2 + 0.1)
    drain(shop)
    assert handle.get(timeout=0) == 1


def test_a_retry_may_change_the_arguments_and_the_queue(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="halve", bind=True, default_retry_delay=0)
    def halve(self: Task, number: int, by: int = 2) -> Any:
        if self.request.retries == 0:
            self.retry(args=[number // by], kwargs={"by": 3}, queue="elsewhere", priority=0)
        return number, by, self.request.delivery_info["queue"], self.request.delivery_info["priority"]

    handle = halve.delay(10)
    run_out(shop, drain, ahead, rounds=2)
    assert handle.get(timeout=0) == (5, 3, "elsewhere", 0)


def test_without_arguments_a_retry_keeps_those_of_the_job(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="keep", bind=True, default_retry_delay=0)
    def keep(self: Task, /, *args: int, **kwargs: int) -> Any:
        if self.request.retries == 0:
            self.retry()
        return args, kwargs

    handle = keep.delay(1, 2, x=3)
    run_out(shop, drain, ahead, rounds=2)
    assert handle.get(timeout=0) == ((1, 2), {"x": 3})


def test_throw_false_lets_the_rest_of_the_body_run_and_retries_once(
    shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    rest: list[int] = []

    @shop.task(name="gentle", bind=True)
    def gentle(self: Task) -> str:
        if self.request.retries == 0:
            self.retry(throw=False, countdown=5)
        rest.append(self.request.retries)
        return "done"

    handle = gentle.delay()
    assert run_out(shop, drain, ahead) == 2
    assert rest == [0, 1]
    assert handle.get(timeout=0) == "done"


def test_outside_a_job_retry_raises_what_it_was_given_or_what_is_being_handled(memory_app: Cardoon) -> None:
    @memory_app.task(name="direct", bind=True)
    def direct(self: Task, how: str) -> None:
        try:
            raise KeyError("handled")
        except KeyError:
            self.retry(exc=OSError("given") if how == "given" else None)

    with pytest.raises(OSError, match="given"):
        direct("given")
    with pytest.raises(KeyError, match="handled"):
        direct("handled")


def test_outside_a_job_and_without_an_error_it_says_so(memory_app: Cardoon) -> None:
    @memory_app.task(name="direct", bind=True)
    def direct(self: Task) -> None:
        self.retry()

    with pytest.raises(RuntimeError, match=r"direct\.retry\(\) was called outside a job"):
        direct()


def test_the_error_being_handled_is_the_error_of_the_retry(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="handled", bind=True)
    def handled(self: Task) -> None:
        try:
            raise KeyError("k")
        except KeyError:
            self.retry()

    handle = handled.delay()
    drain(shop)
    assert isinstance(handle.result, KeyError)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"eta": datetime(2030, 1, 1)}, InvalidOption),
        ({"queu": "x"}, InvalidOption),
        ({"args": "x"}, ArgumentsRefused),
    ],
    ids=["naive eta", "unknown option", "argument of another type"],
)
def test_a_retry_that_makes_no_sense_fails_the_job_with_the_reason(
    given: dict[str, Any], kind: type[Exception], shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    @shop.task(name="odd", bind=True)
    def odd(self: Task, number: int) -> None:
        self.retry(**given)

    handle = odd.delay(1)
    assert run_out(shop, drain, ahead) == 1
    assert handle.state == "FAILURE"
    with pytest.raises(kind):
        handle.get(timeout=0)


# -- by themselves


def test_errors_of_retry_for_are_retried_by_themselves(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="net", retry_for=(OSError, TimeoutError), max_retries=5)
    def net() -> int:
        if current_job().retries < 2:
            raise ConnectionError("no route")
        return current_job().attempt

    handle = net.delay()
    assert run_out(shop, drain, ahead) == 3
    assert handle.get(timeout=0) == 3


def test_others_are_not(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="net", autoretry_for=(Exception,), dont_autoretry_for=KeyError)
    def net() -> None:
        raise KeyError

    net.delay()
    assert run_out(shop, drain, ahead) == 1


def test_nothing_is_retried_unless_the_task_says_so(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="plain")
    def plain() -> None:
        raise OSError

    plain.delay()
    assert run_out(shop, drain, ahead) == 1


def test_backoff_doubles_up_to_its_ceiling(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(
        name="back",
        retry_for=OSError,
        retry_backoff=2,
        retry_backoff_max=10,
        retry_jitter=False,
        max_retries=5,
    )
    def back() -> None:
        raise OSError

    back.delay()
    for wait in (2, 4, 8, 10, 10):
        began = ahead.time()
        (end,) = drain(shop)
        assert end.due is not None
        assert began + wait <= end.due <= ahead.time() + wait
        ahead.move(11)


def test_jitter_draws_the_delay_below_the_backoff(shop: Cardoon, drain: Drain, ahead: Ahead) -> None:
    @shop.task(name="back", retry_for=OSError, retry_backoff=100)
    def back() -> None:
        raise OSError

    ahead.random = lambda: 0.25  # type: ignore[method-assign]
    back.delay()
    began = ahead.time()
    (end,) = drain(shop)
    assert end.due is not None
    assert began + 25 <= end.due <= ahead.time() + 25


def test_the_names_of_celery_1_are_there() -> None:
    assert errors.RetryTaskError is Retry
    assert errors.MaxRetriesExceeded is MaxRetriesExceededError


def test_a_retry_of_celery_1_passes_the_magic_arguments_on_and_each_attempt_gets_its_own(
    shop: Cardoon, drain: Drain, ahead: Ahead
) -> None:
    seen: list[tuple[int, int]] = []

    class Fetch(Task):
        name = "fetch"
        accept_magic_kwargs = True
        default_retry_delay = 0

        def run(self, number: int, **kwargs: Any) -> None:
            seen.append((number, kwargs["task_retries"]))
            self.retry(args=[number], kwargs=kwargs, exc=OSError())

    handle = Fetch.delay(7)
    run_out(shop, drain, ahead)
    assert seen == [(7, 0), (7, 1), (7, 2), (7, 3)]
    assert handle.state == "FAILURE"
