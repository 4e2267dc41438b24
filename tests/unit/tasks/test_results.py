from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.unit.tasks.conftest import Ahead, Drain

from cardoon import AsyncResult, Cardoon, Ignore, Task, current_job
from cardoon.model.errors import (
    ResultLost,
    ResultTimeout,
    TaskFailed,
    TaskRevokedError,
    UnknownJob,
)
from cardoon.model.job import Filter, Page
from cardoon.model.states import State
from cardoon.tasks.door import set_current_app
from cardoon.worker.execution import execute


class Nowhere(Exception):
    """An error with arguments of its own."""

    def __init__(self, place: str, number: int) -> None:
        super().__init__(place, number)
        self.place = place


class Missing(LookupError):
    """An error below one of Python's own."""


@pytest.fixture
def double(shop: Cardoon) -> Task[[int], int]:
    @shop.task(name="double")
    def double(x: int) -> int:
        return 2 * x

    return double


@pytest.fixture
def fail(shop: Cardoon) -> Task[[], None]:
    @shop.task(name="fail")
    def fail() -> None:
        raise KeyError("k")

    return fail


@contextmanager
def working(app: Cardoon, drain: Drain) -> Iterator[threading.Event]:
    """A worker on a thread, once the event is set; it ends with the block."""
    begin, stop = threading.Event(), threading.Event()

    def work() -> None:
        begin.wait()
        while not stop.is_set():
            drain(app)
            app.engine.wait(None, 0.2)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield begin
    finally:
        stop.set()
        begin.set()
        app.engine.wake()
        thread.join()


# -- where a job is


def test_an_unknown_id_is_told_from_a_waiting_one(shop: Cardoon, double: Task[[int], int]) -> None:
    waiting, unknown = double.delay(1), shop.AsyncResult("no-such-job")
    assert (waiting.exists(), waiting.state) == (True, "PENDING")
    assert (unknown.exists(), unknown.state) == (False, "UNKNOWN")
    assert (unknown.ready(), unknown.successful(), unknown.failed()) == (False, False, False)
    assert (unknown.result, unknown.traceback, unknown.children) == (None, None, [])
    asks: list[Callable[[], object]] = [unknown.get, lambda: asyncio.run(unknown.aget())]
    for ask in asks:
        with pytest.raises(
            UnknownJob, match="no job 'no-such-job' here: wrong id, other engine, or forgotten"
        ):
            ask()


def test_a_job_that_succeeded_says_so_in_every_way(
    shop: Cardoon, double: Task[[int], int], drain: Drain
) -> None:
    handle = double.delay(4)
    drain(shop)
    assert handle.ready() is True
    assert handle.successful() is True
    assert handle.failed() is False
    assert handle.state == handle.status == "SUCCESS"
    assert handle.get() == handle.wait(timeout=1) == handle.result == handle.info == 8
    assert handle.traceback is None


def test_a_job_that_runs_is_started(shop: Cardoon, double: Task[[int], int]) -> None:
    handle = double.delay(1)
    shop.engine.claim("worker", None, 1)
    assert (handle.state, handle.ready()) == ("STARTED", False)


def test_a_job_that_failed_raises_its_own_error_with_the_workers_traceback(
    shop: Cardoon, fail: Task[[], None], drain: Drain
) -> None:
    handle = fail.delay()
    drain(shop)
    assert (handle.state, handle.ready(), handle.failed(), handle.successful()) == (
        "FAILURE",
        True,
        True,
        False,
    )
    with pytest.raises(KeyError, match="'k'") as caught:
        handle.get(timeout=0)
    assert 'raise KeyError("k")' in str(caught.value.__cause__)
    assert 'raise KeyError("k")' in (handle.traceback or "")
    assert isinstance(handle.result, KeyError)
    assert isinstance(handle.info, KeyError)
    assert isinstance(handle.get(propagate=False), KeyError)


@pytest.mark.parametrize("error", [Nowhere("garden", 3), Missing("garden", 3), ResultLost("gone")])
def test_an_error_class_of_ones_own_comes_back_with_its_arguments(
    error: Exception, shop: Cardoon, drain: Drain
) -> None:
    @shop.task(name="lost")
    def lost() -> None:
        raise error

    handle = lost.delay()
    drain(shop)
    with pytest.raises(type(error)) as caught:
        handle.get(timeout=0)
    assert caught.value.args == error.args


def test_an_error_that_is_not_importable_here_is_told_by_its_name(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="local")
    def local() -> None:
        class Inner(Exception): ...

        raise Inner("only there")

    handle = local.delay()
    drain(shop)
    with pytest.raises(TaskFailed, match="Inner: only there"):
        handle.get(timeout=0)


def test_system_exit_and_the_like_fail_the_job_and_not_the_worker(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="leave")
    def leave() -> None:
        raise SystemExit(3)

    handle = leave.delay()
    assert [end.state for end in drain(shop)] == [State.FAILED]
    with pytest.raises(TaskFailed, match="SystemExit: 3"):
        handle.get(timeout=0)


# -- waiting


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_get_raises_when_its_time_is_up(timeout: float, double: Task[[int], int]) -> None:
    with pytest.raises(TimeoutError, match=f"did not finish within {timeout:g} s; it goes on") as caught:
        double.delay(1).get(timeout=timeout)
    assert isinstance(caught.value, ResultTimeout)


def test_get_wakes_when_the_result_is_there(shop: Cardoon, double: Task[[int], int], drain: Drain) -> None:
    with working(shop, drain) as begin:
        handle = double.delay(21)
        begin.set()
        assert handle.get(timeout=60) == 42


def test_a_result_can_be_awaited(shop: Cardoon, double: Task[[int], int], drain: Drain) -> None:
    async def main() -> tuple[int, int]:
        handle = await double.adelay(1)
        return await handle, await handle.aget(timeout=60)

    with working(shop, drain) as begin:
        begin.set()
        assert asyncio.run(main()) == (2, 2)


def test_200_results_are_awaited_together_by_one_thread(
    shop: Cardoon, double: Task[[int], int], drain: Drain
) -> None:
    handles = double.map(range(200))
    waiting: list[int] = []

    async def main(begin: threading.Event) -> list[int]:
        awaited = asyncio.gather(*handles)
        await asyncio.sleep(0)
        begin.set()
        waiting.append(sum(t.name == "cardoon-results" for t in threading.enumerate()))
        return await asyncio.wait_for(awaited, 60)

    with working(shop, drain) as begin:
        assert asyncio.run(main(begin)) == [2 * n for n in range(200)]
    assert waiting[0] <= 1


def test_an_await_that_takes_too_long_raises_and_leaves_nothing_behind(double: Task[[int], int]) -> None:
    with pytest.raises(ResultTimeout):
        asyncio.run(double.delay(1).aget(timeout=0.01))


def test_an_await_raises_the_error_of_the_task(shop: Cardoon, fail: Task[[], None], drain: Drain) -> None:
    async def main() -> None:
        await fail.delay()

    with working(shop, drain) as begin:
        begin.set()
        with pytest.raises(KeyError):
            asyncio.run(main())


# -- what is stored


def test_an_ignored_result_is_none_at_once_and_the_job_succeeded(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="quiet", ignore_result=True)
    def quiet() -> int:
        return 5

    handle = quiet.delay()
    drain(shop)
    assert handle.get(timeout=0) is None
    assert handle.state == "SUCCESS"
    kept = quiet.apply_async(ignore_result=False)
    drain(shop)
    assert kept.get(timeout=0) == 5


@pytest.mark.parametrize("said", ["task", "call", "setting"])
def test_a_result_may_be_ignored_by_the_task_the_call_or_a_setting(said: str, drain: Drain) -> None:
    app = Cardoon("i", url="memory://", task_ignore_result=said == "setting")

    @app.task(name="five", ignore_result=True if said == "task" else None)
    def five() -> int:
        return 5

    handle = five.apply_async(ignore_result=True if said == "call" else None)
    drain(app)
    assert handle.get(timeout=0) is None


def test_the_error_of_an_ignored_result_is_stored_all_the_same(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="quiet", ignore_result=True)
    def quiet() -> None:
        raise KeyError("k")

    handle = quiet.delay()
    drain(shop)
    with pytest.raises(KeyError):
        handle.get(timeout=0)


@pytest.mark.parametrize("said", ["task", "setting"])
def test_it_is_not_stored_when_that_is_said(said: str, drain: Drain) -> None:
    app = Cardoon("i", url="memory://", task_store_errors_even_if_ignored=said != "setting")

    @app.task(
        name="quiet", ignore_result=True, store_errors_even_if_ignored=None if said == "setting" else False
    )
    def quiet() -> None:
        raise KeyError("k")

    handle = quiet.delay()
    drain(app)
    assert handle.state == "FAILURE"
    with pytest.raises(TaskFailed, match="its error was not to be stored"):
        handle.get(timeout=0)


def test_a_result_that_cannot_be_stored_is_lost_and_the_task_not_repeated(
    shop: Cardoon, drain: Drain
) -> None:
    runs: list[int] = []

    @shop.task(name="odd", retry_for=Exception)
    def odd() -> object:
        runs.append(1)
        return object()

    handle = odd.delay()
    assert [end.state for end in drain(shop)] == [State.RESULT_LOST]
    assert drain(shop) == []
    assert runs == [1]
    assert (handle.state, handle.successful(), handle.ready()) == ("SUCCESS", True, True)
    with pytest.raises(ResultLost, match="the result of odd cannot be stored: a object cannot travel"):
        handle.get(timeout=0)


def test_a_result_that_is_too_large_is_lost(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="large")
    def large() -> str:
        return "x" * 1_048_577

    handle = large.delay()
    drain(shop)
    with pytest.raises(ResultLost, match=r"is 1,048,579 bytes, the limit is 1,048,576"):
        handle.get(timeout=0)


def test_a_task_may_end_itself_as_skipped(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="pass")
    def pass_over() -> None:
        raise Ignore("nothing to do")

    handle = pass_over.delay()
    drain(shop)
    assert (handle.state, handle.ready(), handle.successful(), handle.get(timeout=0)) == (
        "SKIPPED",
        True,
        False,
        None,
    )
    assert handle.job is not None
    assert handle.job.note == "nothing to do"


def test_a_job_that_no_task_here_can_run_is_parked_and_kept(shop: Cardoon, drain: Drain) -> None:
    handle = shop.send_task("unknown.task")
    assert [end.state for end in drain(shop)] == [State.PARKED]
    assert (handle.state, handle.ready()) == ("PENDING", False)

    @shop.task(name="unknown.task")
    def known() -> int:
        return 1

    assert shop.engine.unpark(["unknown.task"]) == 1
    drain(shop)
    assert handle.get(timeout=0) == 1


# -- revoking


def test_a_revoked_job_never_starts(
    shop: Cardoon, double: Task[[int], int], drain: Drain, ahead: Ahead
) -> None:
    handle, other, third = (double.apply_async((n,), countdown=60) for n in (1, 2, 3))
    assert handle.revoke() == "REVOKED"
    assert shop.revoke(other.id) == {other.id: State.CANCELLED}
    assert shop.revoke([third.id, "no-such-job"]) == {third.id: State.CANCELLED}
    ahead.move(61)
    assert drain(shop) == []
    with pytest.raises(TaskRevokedError, match=r"double\[.*\] was cancelled"):
        handle.get(timeout=0)


def test_revoking_what_has_ended_changes_nothing(
    shop: Cardoon, double: Task[[int], int], drain: Drain
) -> None:
    handle = double.delay(1)
    drain(shop)
    assert handle.revoke() == "SUCCESS"
    assert handle.get(timeout=0) == 2


def test_revoking_a_running_job_lets_it_end_and_never_run_again(shop: Cardoon, drain: Drain) -> None:
    runs: list[int] = []

    @shop.task(name="stubborn", retry_for=OSError, default_retry_delay=0)
    def stubborn() -> None:
        runs.append(1)
        shop.revoke(str(current_job().id))
        raise OSError

    handle = stubborn.delay()
    drain(shop)
    drain(shop)
    assert runs == [1]
    assert handle.state == "REVOKED"


# -- family, identity


def test_a_job_knows_the_jobs_that_it_sent_and_they_know_it(shop: Cardoon, drain: Drain) -> None:
    seen: dict[Any, tuple[Any, Any]] = {}

    @shop.task(name="leaf")
    def leaf(n: int) -> int:
        seen[n] = (current_job().parent_id, current_job().root_id)
        return n

    @shop.task(name="branch")
    def branch() -> None:
        leaf.delay(2)
        leaf.map([3, 4])

    @shop.task(name="trunk")
    def trunk() -> None:
        branch.delay()

    handle = trunk.delay()
    drain(shop)
    (child,) = handle.children
    assert child.task_name == "branch"
    assert [leaf.get(timeout=0) for leaf in child.children] == [2, 3, 4]
    assert seen == dict.fromkeys((2, 3, 4), (child.id, handle.id))


def test_a_handle_is_its_id(shop: Cardoon, double: Task[[int], int]) -> None:
    handle = double.delay(1)
    again = shop.AsyncResult(handle.id)
    assert handle == again
    assert len({handle, again}) == 1
    assert str(handle) == handle.task_id == handle.id
    assert repr(handle) == f"<AsyncResult double[{handle.id}]>"
    assert handle != handle.id
    assert isinstance(double.AsyncResult(handle.id), AsyncResult)


def test_a_result_comes_back_as_its_task_says_also_by_id(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="pair")
    def pair() -> tuple[int, frozenset[str]]:
        return 1, frozenset({"a"})

    handle = pair.delay()
    drain(shop)
    assert handle.get(timeout=0) == shop.AsyncResult(handle.id).get(timeout=0) == (1, frozenset({"a"}))


def test_outside_a_job_there_is_an_empty_request() -> None:
    request = current_job()
    assert (request.id, request.called_directly, request.retries) == (None, True, 0)
    assert request.still_mine() is True


def test_inside_a_job_the_request_tells_about_it(shop: Cardoon, drain: Drain) -> None:
    told: dict[str, Any] = {}

    @shop.task(name="curious", bind=True)
    def curious(self: Task, *args: Any, **kwargs: Any) -> None:
        request = self.request
        assert request is current_job()
        told.update(
            {name: getattr(request, name) for name in ("id", "args", "kwargs", "task", "headers")},
            counts=(request.retries, request.attempt),
            here=(request.called_directly, request.is_eager, request.still_mine()),
            queue=request.delivery_info["queue"],
        )

    handle = curious.apply_async((1,), {"x": 2}, headers={"h": 1}, queue="q")
    drain(shop)
    assert handle.get(timeout=0) is None
    assert told == {
        "id": handle.id,
        "args": [1],
        "kwargs": {"x": 2},
        "task": "curious",
        "headers": {"h": 1},
        "counts": (0, 1),
        "here": (False, False, True),
        "queue": "q",
    }
    assert curious.request.id is None


def test_a_task_called_inside_another_sees_its_own_request_only(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="inner", bind=True)
    def inner(self: Task) -> bool:
        return self.request.called_directly

    @shop.task(name="outer")
    def outer() -> bool:
        return inner()

    handle = outer.delay()
    drain(shop)
    assert handle.get(timeout=0) is True


def test_a_handle_is_made_of_an_id_alone_and_can_be_pickled(
    shop: Cardoon, double: Task[[int], int], drain: Drain
) -> None:
    import pickle

    set_current_app(shop)
    handle = double.delay(4)
    drain(shop)
    assert AsyncResult(handle.id).get(timeout=0) == 8
    again = pickle.loads(pickle.dumps(handle))
    assert again == handle
    assert again.get(timeout=0, interval=0.1) == 8
    assert again.date_done is not None


def test_progress_is_a_state_while_the_job_runs(shop: Cardoon) -> None:
    seen: list[Any] = []

    @shop.task(name="slow", bind=True)
    def slow(self: Any) -> None:
        shop.engine.annotate(self.request.claim, "progress", b'{"current":1,"total":4}')
        handle = shop.AsyncResult(self.request.id)
        seen.extend([handle.state, handle.info])

    slow.delay()
    for claim in shop.engine.claim("w", None, 1):
        shop.engine.settle([(claim, execute(shop, claim))])
    assert seen == ["PROGRESS", {"current": 1, "total": 4}]


def test_each_async_body_sees_its_own_job(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="who")
    async def who() -> str | None:
        return current_job().id

    handles = [who.delay() for _ in range(3)]
    drain(shop)
    assert [handle.get(timeout=0) for handle in handles] == [handle.id for handle in handles]


def test_an_async_body_run_eagerly_inside_a_loop_sees_its_own_job(shop: Cardoon) -> None:
    @shop.task(name="who")
    async def who() -> str | None:
        return current_job().id

    async def view() -> bool:
        handle = who.apply()
        return handle.get() == handle.id

    assert asyncio.run(view())


def test_an_eager_job_is_its_own(shop: Cardoon) -> None:
    @shop.task(name="mine")
    def mine() -> bool:
        return current_job().still_mine()

    assert mine.apply().get() is True


def test_a_job_on_a_later_page_is_known(
    shop: Cardoon, double: Task[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = shop.engine.find

    def one_by_one(filter: Filter, *, page: str | None = None, limit: int, brief: bool) -> Page:
        return find(filter, page=page, limit=min(limit, 1), brief=brief)

    monkeypatch.setattr(shop.engine, "find", one_by_one)
    handles = [double.delay(number) for number in range(3)]

    async def ends() -> list[object]:
        return await asyncio.gather(*(handle.aget(0.6) for handle in handles), return_exceptions=True)

    assert [type(end) for end in asyncio.run(ends())] == [ResultTimeout] * 3
