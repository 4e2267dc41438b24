"""Pools by themselves: how much they claim, and what they give back when a job turns out slow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import pytest
from specimens import StillClock, claim

from cardoon import Cardoon
from cardoon.engines.contract import End
from cardoon.exceptions import EngineUnavailable
from cardoon.model import outcome
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome
from cardoon.worker.lanes.threads import ThreadLane
from cardoon.worker.pools.appetite import GIVEN_BACK_A_SECOND, USUAL_PAUSE_SECONDS, Appetite
from cardoon.worker.pools.keeper import Keeper
from cardoon.worker.pools.mixed import MixedPool
from cardoon.worker.pools.solo import LARGEST, Batch, SoloPool
from cardoon.worker.timeouts import Interrupt, Limits

Until = Callable[..., object]


# -- how much to claim


def test_a_batch_grows_twofold_with_short_jobs_and_shrinks_at_once_with_long_ones() -> None:
    batch, sizes = Batch(), []
    for _ in range(10):
        batch.learn(batch.size, batch.size * 0.000_01)
        sizes.append(batch.size)
    assert sizes == [2, 4, 8, 16, 32, 64, 128, 256, 256, 256]
    assert max(sizes) == LARGEST
    batch.learn(256, 0.5)
    assert batch.size == 10
    batch.learn(1, 3.0)
    assert batch.size == 1


def test_a_batch_that_ran_nothing_teaches_nothing() -> None:
    batch = Batch()
    batch.learn(0, 1.0)
    assert batch.size == 1


def test_an_appetite_is_for_the_free_places_and_more_only_of_short_jobs(still: StillClock) -> None:
    appetite = Appetite()
    assert appetite.room(slots=8, in_hand=3) == 5
    for _ in range(100):
        appetite.learn(0.001)
    assert appetite.room(slots=8, in_hand=3) > 100
    for _ in range(100):
        appetite.learn(5.0)
    assert appetite.room(slots=8, in_hand=3) == 5
    assert appetite.room(slots=8, in_hand=20) == 0


def test_what_went_back_makes_it_pause_longer_and_look_deeper_until_a_while_without(
    still: StillClock,
) -> None:
    appetite = Appetite()
    fresh = appetite.room(slots=59, in_hand=50)
    pauses, rooms = [], []
    for _ in range(7):
        appetite.spoil(9)
        began = still.moment
        while not appetite.room(slots=59, in_hand=50):
            still.moment += 0.01
        pauses.append(still.moment - began)
        rooms.append(appetite.room(slots=59, in_hand=50))
    assert pauses == sorted(pauses)
    assert pauses[-1] <= USUAL_PAUSE_SECONDS + 0.02
    assert rooms == sorted(rooms)
    assert rooms[0] > fresh
    still.moment += 10
    assert appetite.room(slots=59, in_hand=50) == fresh


def test_no_more_go_back_in_a_second_than_an_engine_can_bear(still: StillClock) -> None:
    appetite, began, back = Appetite(), still.moment, 0
    while still.moment < began + 60:
        if room := appetite.room(slots=8, in_hand=4):
            back += room
            appetite.spoil(room)
        still.moment += 0.1
    assert back / 60 <= GIVEN_BACK_A_SECOND


def test_while_it_pauses_it_claims_for_each_place_that_becomes_free(still: StillClock) -> None:
    appetite = Appetite()
    appetite.took(5)
    appetite.spoil(1)
    assert appetite.room(slots=5, in_hand=4) == 0
    appetite.freed(1)
    assert appetite.room(slots=5, in_hand=3) == 1
    appetite.took(1)
    assert appetite.room(slots=5, in_hand=4) == 0


# -- the keeper


def test_a_keeper_looks_while_there_is_work_whatever_a_look_raises(
    until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    looks = []

    def look() -> NoReturn:
        looks.append(1)
        raise RuntimeError("a look failed")

    keeper = Keeper(look)
    try:
        assert looks == []
        keeper.work.set()
        until(lambda: len(looks) >= 2)
        assert "looking after the running jobs failed" in caplog.text
    finally:
        keeper.close()


# -- the solo pool


class Bench:
    """A solo pool whose jobs do what is asked, with what it settled by itself."""

    def __init__(self, app: Cardoon) -> None:
        self.settled: list[End] = []
        self.fails = False
        self.roused = threading.Event()
        self.bodies: dict[str, Callable[[], object]] = {}
        self.pool = SoloPool(self._run, Limits(app), self._settle, self.roused.set, last_words())

    def _run(self, claim: Claim) -> Outcome:
        self.bodies.get(claim.id, lambda: None)()
        return outcome.succeeded(None)

    def _settle(self, ends: Sequence[End]) -> None:
        if self.fails:
            raise EngineUnavailable("away")
        self.settled += ends


def last_words() -> Any:
    """No job here has a limit."""
    return None


@pytest.fixture
def bench(memory_app: Cardoon) -> Iterator[Bench]:
    made = Bench(memory_app)
    yield made
    made.pool.close()


def states(ends: Sequence[End]) -> dict[str, str]:
    return {claim.id: str(end.state) for claim, end in ends}


def test_a_batch_runs_in_order_and_its_ends_are_handed_on_once(bench: Bench) -> None:
    claims = [claim() for _ in range(3)]
    ran: list[str] = []
    for one in claims:
        bench.bodies[one.id] = lambda id=one.id: ran.append(id)
    bench.pool.start(claims)
    assert ran == [c.id for c in claims]
    assert set(bench.pool.in_hand()) == {*ran}
    assert states(bench.pool.ended()) == dict.fromkeys(ran, "succeeded")
    assert bench.pool.ended() == []
    assert not bench.pool.in_hand()


def test_behind_a_slow_job_nothing_waits(bench: Bench, until: Until) -> None:
    """What is finished is settled, what has not started goes back, while the slow one runs."""
    quick, slow, behind = claim(), claim(), [claim() for _ in range(3)]
    bench.bodies[slow.id] = lambda: until(lambda: len(bench.settled) == 4)
    bench.pool.start([quick, slow, *behind])
    assert states(bench.settled) == {quick.id: "succeeded", **{c.id: "ready" for c in behind}}
    assert all(not end.charged for one, end in bench.settled if one in behind)
    assert states(bench.pool.ended()) == {slow.id: "succeeded"}


def test_what_could_not_be_settled_early_is_handed_on_later(bench: Bench) -> None:
    quick, slow, behind = claim(), claim(), claim()
    bench.fails = True
    bench.bodies[slow.id] = lambda: bench.roused.wait(10)
    bench.pool.start([quick, slow, behind])
    assert bench.settled == []
    assert states(bench.pool.ended()) == {
        quick.id: "succeeded",
        slow.id: "succeeded",
        behind.id: "ready",
    }


def test_parting_with_the_running_job_tells_how_all_others_end(bench: Bench) -> None:
    quick, slow, behind = claim(), claim(), claim()
    parted: list[Any] = []

    def part() -> None:
        assert bench.pool.part_with(quick.id) is None
        found = bench.pool.part_with(slow.id)
        assert found is not None
        parted.extend([found[0], found[1]()])

    bench.bodies[slow.id] = part
    bench.pool.start([quick, slow, behind])
    assert parted[0] == slow
    assert states(parted[1]) == {quick.id: "succeeded", behind.id: "ready"}
    assert bench.pool.part_with(slow.id) is None


# -- the mixed pool


class Mixed:
    """A mixed pool of a narrow lane and a wide one, for jobs that run until told."""

    def __init__(self, app: Cardoon) -> None:
        self.begun: list[str] = []
        self.gate = threading.Event()
        self.roused = threading.Event()
        self.suspects_wait = False
        self.pool = MixedPool(
            self._lanes(), self._lane_of, Limits(app), self.roused.set, last_words(), self.crowded
        )
        for lane in self.pool.lanes.values():
            lane.begin()

    def crowded(self, alone: bool) -> bool:
        return self.suspects_wait and not alone

    def _lanes(self) -> dict[str, ThreadLane]:
        narrow = ThreadLane(1, self._run_in, lambda *end: self.pool.over(*end))
        wide = ThreadLane(3, self._run_in, lambda *end: self.pool.over(*end))
        return {"narrow": narrow, "wide": wide}

    def _lane_of(self, claim: Claim) -> str:
        return claim.message.task

    def _run_in(self, interrupt: Interrupt) -> Callable[[Claim], Outcome]:
        def run(claim: Claim) -> Outcome:
            self.begun.append(claim.id)
            self.gate.wait(20)
            return outcome.succeeded(None)

        return run


@pytest.fixture
def mixed(memory_app: Cardoon) -> Iterator[Mixed]:
    made = Mixed(memory_app)
    yield made
    made.gate.set()
    made.pool.close()


def test_room_is_what_all_lanes_have(mixed: Mixed, until: Until) -> None:
    assert mixed.pool.room() == 4
    assert mixed.pool.alone()
    mixed.pool.start([claim("wide")])
    assert mixed.pool.room() == 3
    assert not mixed.pool.alone()


def test_what_waits_for_a_full_lane_goes_back_and_the_other_lane_goes_on(mixed: Mixed, until: Until) -> None:
    narrow, wide = [claim("narrow") for _ in range(3)], [claim("wide") for _ in range(2)]
    mixed.pool.start([*narrow, *wide])
    until(lambda: len(mixed.begun) == 3)
    assert mixed.roused.wait(10)
    returned = mixed.pool.ended()
    assert states(returned) == {c.id: "ready" for c in narrow[1:]}
    assert all(not end.charged for _, end in returned)
    assert set(mixed.pool.in_hand()) == {narrow[0].id, *(c.id for c in wide)}


def test_lanes_that_no_task_chooses_are_not_claimed_for(mixed: Mixed, until: Until) -> None:
    mixed.pool.count({"wide"})
    assert mixed.pool.room() == 3


def test_while_it_makes_room_for_suspects_it_takes_nothing(mixed: Mixed, until: Until) -> None:
    mixed.pool.start([claim("wide")])
    mixed.suspects_wait = True
    assert mixed.pool.room() == 0
    mixed.gate.set()
    until(mixed.pool.ended)
    assert mixed.pool.alone()
    assert mixed.pool.room() == 4


def test_beside_a_suspect_nothing_is_claimed_until_it_has_ended(mixed: Mixed, until: Until) -> None:
    mixed.pool.start([claim("wide", suspect=True)])
    assert mixed.pool.room() == 0
    mixed.gate.set()
    until(lambda: mixed.pool.ended())
    assert mixed.pool.room() == 4


def test_draining_gives_back_what_has_not_started(mixed: Mixed, until: Until) -> None:
    narrow = [claim("narrow") for _ in range(3)]
    mixed.pool.start(narrow)
    until(lambda: mixed.begun)
    assert states(mixed.pool.drain()) == {c.id: "ready" for c in narrow[1:]}
    assert set(mixed.pool.in_hand()) == {narrow[0].id}


def test_parting_with_one_gives_back_those_that_run_beside_it(mixed: Mixed, until: Until) -> None:
    first, second, waiting = claim("wide"), claim("wide"), claim("narrow")
    mixed.pool.start([first, second, waiting])
    until(lambda: len(mixed.begun) == 3)
    parted = mixed.pool.part_with(first.id)
    assert parted is not None
    assert parted[0] == first
    assert states(parted[1]()) == {second.id: "ready", waiting.id: "ready"}
    assert mixed.pool.part_with("another") is None


def test_a_thread_of_a_lane_is_no_place_to_cancel_in(mixed: Mixed) -> None:
    one = claim("wide")
    mixed.pool.start([one])
    assert not mixed.pool.cancel(one.id)
