"""How many processes an autoscaled worker asks for, on a real engine and with a clock that is moved."""

from __future__ import annotations

import pytest
from specimens import StillClock

from cardoon import Cardoon
from cardoon.model import outcome
from cardoon.worker.services.autoscale import KEEP_SECONDS, Autoscale


class Place:
    """What was asked for, and a line of jobs."""

    def __init__(self, app: Cardoon, queues: list[str] | None = None) -> None:
        self.app = app
        self.asked: list[int] = []
        self.scale = Autoscale(app.engine, queues, self.asked.append, most=4, least=1)
        self._task = app.task(name="any")(lambda: None)

    def send(self, queue: str = "q") -> None:
        self._task.apply_async(queue=queue)

    def work_off(self) -> None:
        while claims := self.app.engine.claim("w", None, 10):
            self.app.engine.settle([(claim, outcome.succeeded(None)) for claim in claims])


@pytest.fixture
def place(memory_app: Cardoon, still: StillClock) -> Place:
    return Place(memory_app)


def test_it_grows_by_one_a_look_while_jobs_wait_up_to_its_most(place: Place, still: StillClock) -> None:
    place.send()
    for _ in range(10):
        place.scale.run()
        still.moment += 1
    assert place.asked == [2, 3, 4]


def test_it_shrinks_by_one_after_a_while_without_down_to_its_least(place: Place, still: StillClock) -> None:
    place.send()
    for _ in range(3):
        place.scale.run()
    place.work_off()
    place.asked.clear()
    began, asked_after = still.moment, []
    while still.moment - began < 10 * KEEP_SECONDS:
        before = len(place.asked)
        place.scale.run()
        asked_after += [still.moment - began] * (len(place.asked) - before)
        still.moment += 1
    assert place.asked == [3, 2, 1]
    assert all(KEEP_SECONDS * n < moment < (KEEP_SECONDS + 2) * n for n, moment in enumerate(asked_after, 1))


def test_a_job_that_waits_in_between_keeps_all_of_them(place: Place, still: StillClock) -> None:
    place.send()
    place.scale.run()
    place.work_off()
    place.asked.clear()
    for _ in range(5):
        still.moment += KEEP_SECONDS - 1
        place.send()
        place.scale.run()
        place.work_off()
    assert place.asked == [3, 4]


def test_other_queues_and_jobs_that_are_not_ready_do_not_count(
    memory_app: Cardoon, still: StillClock
) -> None:
    place = Place(memory_app, ["ours"])
    place.send("theirs")
    memory_app.task(name="later")(lambda: None).apply_async(queue="ours", countdown=60)
    place.scale.run()
    assert place.asked == []
    place.send("ours")
    place.scale.run()
    assert place.asked == [2]
