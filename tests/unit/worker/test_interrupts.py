"""How an exception gets into a running body, and that nothing of it is left over."""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from cardoon.engines.contract import steps
from cardoon.exceptions import SoftTimeLimitExceeded
from cardoon.model import outcome
from cardoon.model.outcome import ErrorReport
from cardoon.worker.interrupts import SIGNALS_LOST, MainThread, OtherThread
from cardoon.worker.lanes.event_loop import InCoroutine

Until = Callable[..., object]


@pytest.fixture(autouse=True)
def own_alarm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, before)


def keep_asking(ask: Callable[[str], bool], stop: threading.Event) -> threading.Thread:
    """As the keeper does, until it was done."""

    def keep() -> None:
        while not stop.wait(0.01) and not ask("enough"):
            pass

    thread = threading.Thread(target=keep)
    thread.start()
    return thread


def nap(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        select.select([], [], [], 0.001)


# -- the main thread


def in_the_open(main: MainThread, body: Callable[[], object]) -> None:
    main.enter()
    body()


def test_a_sleep_of_the_main_thread_is_cut_short() -> None:
    main, stop = MainThread(), threading.Event()
    asking = keep_asking(main.ask, stop)
    began = time.monotonic()
    with pytest.raises(SoftTimeLimitExceeded, match="enough"):
        in_the_open(main, lambda: select.select([], [], [], 60))
    assert time.monotonic() - began < 30
    main.leave()
    stop.set()
    asking.join()


def test_nothing_is_raised_in_the_main_thread_outside_a_body() -> None:
    main = MainThread()
    for _ in range(3):
        assert not main.ask("too late")
        nap(0.01)
    main.enter()
    main.leave()
    nap(0.02)


def test_a_step_of_an_engine_is_not_torn_and_the_limit_comes_after_it() -> None:
    main = MainThread()
    main.enter()
    steps.under_way += 1
    try:
        assert not main.ask("enough")
        nap(0.01)
        assert steps.owed
    finally:
        steps.under_way -= 1
        steps.owed = False
    with pytest.raises(SoftTimeLimitExceeded):
        signal.raise_signal(signal.SIGALRM)  # as the engine does when its step has ended
    main.leave()


def test_a_body_that_took_the_alarm_for_itself_is_interrupted_all_the_same() -> None:
    main, stop = MainThread(), threading.Event()
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    asking = keep_asking(main.ask, stop)
    with pytest.raises(SoftTimeLimitExceeded):
        in_the_open(main, lambda: nap(20))
    main.leave()
    stop.set()
    asking.join()
    assert SIGNALS_LOST > 1


# -- another thread


class Body(threading.Thread):
    """Naps in an open body; keeps what was raised there, and what came after it."""

    def __init__(self, interrupt: OtherThread, seconds: float) -> None:
        super().__init__()
        self.raised: BaseException | None = None
        self.late: BaseException | None = None
        self.open = threading.Event()
        self._interrupt = interrupt
        self._seconds = seconds

    def run(self) -> None:
        try:
            self._body()
        except BaseException as error:
            self.raised = error
        try:
            nap(0.02)
        except BaseException as error:
            self.late = error

    def _body(self) -> None:
        self._interrupt.enter()
        self.open.set()
        try:
            nap(self._seconds)
        finally:
            self._interrupt.leave()


def test_a_thread_is_interrupted_between_two_steps() -> None:
    interrupt = OtherThread()
    body = Body(interrupt, 20)
    body.start()
    body.open.wait(10)
    assert interrupt.ask("enough")
    body.join(10)
    assert isinstance(body.raised, SoftTimeLimitExceeded)
    assert body.late is None


def test_a_thread_without_an_open_body_cannot_be_asked() -> None:
    interrupt = OtherThread()
    assert not interrupt.ask("too early")
    body = Body(interrupt, 0)
    body.start()
    body.join(10)
    assert not interrupt.ask("too late")
    assert (body.raised, body.late) == (None, None)


def test_asking_at_the_very_end_of_a_body_leaves_nothing_for_what_comes_after() -> None:
    interrupt = OtherThread()
    for round in range(40):
        body = Body(interrupt, 0.002)
        body.start()
        body.open.wait(10)
        nap(0.0005 * (round % 5))
        interrupt.ask("perhaps")
        body.join(10)
        assert body.late is None
        assert body.raised is None or isinstance(body.raised, SoftTimeLimitExceeded)


def test_a_thread_inside_a_step_of_an_engine_is_not_asked() -> None:
    interrupt, inside, go_on = OtherThread(), threading.Event(), threading.Event()

    def body() -> None:
        interrupt.enter()
        steps.under_way += 1
        inside.set()
        go_on.wait(10)
        steps.under_way -= 1
        interrupt.leave()

    thread = threading.Thread(target=body)
    thread.start()
    inside.wait(10)
    assert not interrupt.ask("not now")
    go_on.set()
    thread.join(10)


# -- a coroutine


def run_on_loop(body: Callable[[], Awaitable[object]], during: Callable[[InCoroutine], object]) -> object:
    """What the body returns, while somebody in another thread does something to its interrupt."""

    async def main() -> object:
        interrupt, begun = InCoroutine(asyncio.get_running_loop()), threading.Event()
        interrupt.attempt = asyncio.current_task()

        async def begin() -> object:
            begun.set()
            return await body()

        def afterwards() -> None:
            assert begun.wait(60)
            during(interrupt)

        helper = asyncio.get_running_loop().run_in_executor(None, afterwards)
        try:
            return await interrupt.wait(begin())
        finally:
            await helper

    return asyncio.run(main())


def after_a_moment(action: Callable[[InCoroutine], object]) -> Callable[[InCoroutine], object]:
    def during(interrupt: InCoroutine) -> object:
        nap(0.02)
        return action(interrupt)

    return during


def test_a_coroutine_is_interrupted_where_it_waits_and_may_go_on() -> None:
    async def body() -> str:
        with contextlib.suppress(SoftTimeLimitExceeded):
            await asyncio.sleep(20)
            return "never"
        await asyncio.sleep(0.01)
        return "cleaned up"

    assert run_on_loop(body, after_a_moment(lambda i: i.ask("enough"))) == "cleaned up"


def test_a_coroutine_that_ended_hears_nothing() -> None:
    async def body() -> str:
        return "done"

    assert run_on_loop(body, after_a_moment(lambda i: i.ask("too late"))) == "done"


def test_a_coroutine_is_cancelled_once() -> None:
    answers: list[bool] = []

    async def body() -> None:
        await asyncio.sleep(20)

    def cancel_twice(interrupt: InCoroutine) -> None:
        answers.extend([interrupt.cancel(), interrupt.cancel()])

    with pytest.raises(asyncio.CancelledError):
        run_on_loop(body, after_a_moment(cancel_twice))
    assert answers == [True, False]


def test_what_fails_after_it_was_cancelled_is_cancelled_and_what_succeeds_is_not() -> None:
    failure = outcome.failed(ErrorReport.of(ValueError("while it cleaned up")))
    judged = []

    async def body() -> None:
        await asyncio.sleep(20)

    def during(interrupt: InCoroutine) -> None:
        judged.append(interrupt.judged(failure).state)
        interrupt.cancel()
        judged.append(interrupt.judged(failure).state)
        judged.append(interrupt.judged(outcome.succeeded(None)).state)

    with pytest.raises(asyncio.CancelledError):
        run_on_loop(body, after_a_moment(during))
    assert judged == ["failed", "cancelled", "succeeded"]


LEFT = """
import sys
from cardoon.worker.interrupts import OtherThread

body = OtherThread()
body.enter()
body._asked = {asked}  # and it is not raised before the body ends
body.leave()
sys.setprofile(lambda *_: None)
body.enter()
print("served")
"""


@pytest.mark.parametrize("asked", [False, True])
def test_what_was_taken_back_leaves_no_mark_in_the_interpreter(asked: bool) -> None:
    """A flag that stays set hangs a thread that is traced: hence a process of its own."""
    code = LEFT.format(asked=asked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "served\n", done.stderr
