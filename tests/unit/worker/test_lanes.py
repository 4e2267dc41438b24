"""Places for jobs beside each other: how many run, in which order, and what did not start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from specimens import claim

from cardoon.model import outcome
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome
from cardoon.worker.attempts import Run
from cardoon.worker.interrupts import OtherThread
from cardoon.worker.lanes.contract import Lane
from cardoon.worker.lanes.event_loop import EventLoopLane, InCoroutine
from cardoon.worker.lanes.threads import ThreadLane
from cardoon.worker.timeouts import Interrupt

Until = Callable[..., object]


class Doors:
    """Jobs begin, stand before the door, and end when it is open."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.places: set[str] = set()
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    def run_in(self, interrupt: Interrupt) -> Run:
        def run(claim: Claim) -> Outcome:
            self.begun.append(claim.id)
            self.places.add(threading.current_thread().name)
            self._open.wait(20)
            return outcome.succeeded(None)

        return run

    async def run_on_loop(self, claim: Claim, interrupt: InCoroutine) -> Outcome:
        self.begun.append(claim.id)
        self.places.add(threading.current_thread().name)
        await interrupt.wait(self._wait())
        return outcome.succeeded(None)

    async def _wait(self) -> None:
        while not self._open.is_set():
            await asyncio.sleep(0.005)

    def over(self, claim: Claim, outcome: Outcome, seconds: float) -> None:
        assert seconds >= 0
        self.ended.append(claim.id)


@pytest.fixture
def doors() -> Doors:
    return Doors()


@contextmanager
def threads(doors: Doors, slots: int) -> Iterator[Lane]:
    yield from _lane(doors, ThreadLane(slots, doors.run_in, doors.over))


@contextmanager
def event_loop(doors: Doors, slots: int) -> Iterator[Lane]:
    yield from _lane(doors, EventLoopLane(slots, doors.run_on_loop, doors.over))


def _lane(doors: Doors, lane: Lane) -> Iterator[Lane]:
    lane.begin()
    yield lane
    doors.open()
    lane.close()


@pytest.mark.parametrize("kind", [threads, event_loop])
class TestEachLane:
    def test_so_many_run_at_once_the_others_wait_in_order(
        self, kind: Callable[..., Iterator[Lane]], doors: Doors, until: Until
    ) -> None:
        claims = [claim() for _ in range(5)]
        with kind(doors, 2) as lane:
            for one in claims:
                lane.put(one)
            until(lambda: len(doors.begun) == 2)
            assert (lane.started, lane.waiting()) == (2, 3)
            assert set(doors.begun) == {c.id for c in claims[:2]}
            doors.open()
            until(lambda: len(doors.ended) == 5)
            assert (lane.started, lane.waiting()) == (5, 0)
            assert set(doors.begun[2:4]) <= {c.id for c in claims[2:]}

    def test_what_has_no_place_can_be_taken_back_once(
        self, kind: Callable[..., Iterator[Lane]], doors: Doors, until: Until
    ) -> None:
        claims = [claim() for _ in range(4)]
        with kind(doors, 1) as lane:
            for one in claims:
                lane.put(one)
            until(lambda: doors.begun)
            assert lane.take_back() == claims[1:]
            assert lane.take_back() == []
            assert lane.waiting() == 0
            doors.open()
            until(lambda: doors.ended)
        assert doors.begun == doors.ended == [claims[0].id]

    def test_closing_waits_for_what_runs(
        self, kind: Callable[..., Iterator[Lane]], doors: Doors, until: Until
    ) -> None:
        with kind(doors, 3) as lane:
            for _ in range(3):
                lane.put(claim())
            until(lambda: len(doors.begun) == 3)
        assert len(doors.ended) == 3


def test_each_thread_runs_one_job_at_a_time(doors: Doors, until: Until) -> None:
    with threads(doors, 4) as lane:
        for _ in range(4):
            lane.put(claim())
        until(lambda: len(doors.begun) == 4)
        assert len(doors.places) == 4


def test_a_thread_cannot_be_asked_to_cancel(doors: Doors, until: Until) -> None:
    with threads(doors, 1) as lane:
        one = claim()
        lane.put(one)
        until(lambda: doors.begun)
        assert not lane.cancel(one.id)


def test_a_lane_may_be_served_by_a_thread_of_somebody_else(doors: Doors) -> None:
    lane = ThreadLane(1, doors.run_in, doors.over, served=True)
    lane.begin()
    doors.open()
    one = claim()
    lane.put(one)
    lane.close()
    lane.serve(OtherThread())
    assert doors.ended == [one.id]
    assert doors.places == {threading.current_thread().name}


def test_a_thousand_coroutines_share_one_thread(doors: Doors, until: Until) -> None:
    with event_loop(doors, 1000) as lane:
        for _ in range(1000):
            lane.put(claim())
        until(lambda: len(doors.begun) == 1000)
        assert len(doors.places) == 1
        doors.open()
        until(lambda: len(doors.ended) == 1000)


def test_a_coroutine_is_asked_to_cancel_once(until: Until) -> None:
    began, ends = threading.Event(), []

    async def run(claim: Claim, interrupt: InCoroutine) -> Outcome:
        began.set()
        try:
            await interrupt.wait(asyncio.sleep(20))
        except asyncio.CancelledError:
            return outcome.cancelled("as asked")
        return outcome.succeeded(None)

    lane = EventLoopLane(1, run, lambda claim, end, seconds: ends.append(end.note))
    lane.begin()
    one = claim()
    lane.put(one)
    assert began.wait(10)
    assert not lane.cancel("another job")
    assert [lane.cancel(one.id), lane.cancel(one.id)] == [True, False]
    until(lambda: ends == ["as asked"])
    lane.close()
