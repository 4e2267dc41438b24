"""Which limits hold for a job, and when they are said to have passed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from specimens import StillClock, Told, claim

from cardoon import Cardoon
from cardoon.worker.slate import Slate
from cardoon.worker.timeouts import Limits


@pytest.fixture
def slate() -> Iterator[Slate]:
    made = Slate()
    yield made
    made.close()


@pytest.fixture
def limits(memory_app: Cardoon, slate: Slate, still: StillClock) -> Limits:
    memory_app.task(name="declared", time_limit=20, soft_time_limit=10)(lambda: None)
    memory_app.task(name="free")(lambda: None)
    return Limits(memory_app, slate)


def test_a_job_without_a_limit_is_not_watched(limits: Limits, slate: Slate) -> None:
    free = claim("free")
    assert not limits.begin(free, Told())
    assert slate.deadline == (0.0, 0.0, "")
    assert limits.overdue() is None
    limits.end(free)


def test_a_soft_limit_is_asked_for_once_when_it_has_passed(limits: Limits, still: StillClock) -> None:
    told = Told()
    assert limits.begin(claim("declared"), told)
    still.moment += 9.9
    assert limits.overdue() is None
    assert told.reasons == []
    still.moment += 0.2
    for _ in range(3):
        assert limits.overdue() is None
    assert told.reasons == ["the soft time limit of 10 s passed"]


def test_it_is_asked_for_again_until_it_was_possible(limits: Limits, still: StillClock) -> None:
    told = Told(refuses=2)
    limits.begin(claim("declared"), told)
    still.moment += 11
    for _ in range(5):
        limits.overdue()
    assert len(told.reasons) == 3


def test_a_hard_limit_names_the_job_that_passed_it(limits: Limits, slate: Slate, still: StillClock) -> None:
    late, early = claim("declared"), claim("declared")
    limits.begin(late, Told())
    still.moment += 5
    limits.begin(early, Told())
    assert slate.deadline == (1_020.0, 20.0, late.id)
    still.moment += 15
    assert limits.overdue() == (late, 20.0)


def test_the_nearest_deadline_is_on_the_slate_until_no_job_has_one(
    limits: Limits, slate: Slate, still: StillClock
) -> None:
    first, second = claim("declared"), claim("free", time_limit=3)
    limits.begin(first, Told())
    limits.begin(second, Told())
    assert slate.deadline == (1_003.0, 3.0, second.id)
    limits.end(second)
    assert slate.deadline == (1_020.0, 20.0, first.id)
    limits.end(first)
    assert slate.deadline == (0.0, 0.0, "")


def test_a_call_comes_before_the_task_and_the_task_before_the_settings(
    slate: Slate, still: StillClock
) -> None:
    app = Cardoon("tests", url="memory://", task_time_limit=30, task_soft_time_limit=15)
    app.task(name="declared", time_limit=20)(lambda: None)
    app.task(name="free")(lambda: None)
    limits = Limits(app, slate)
    for name, options, hard, soft in [
        ("free", {}, 30, 15),
        ("declared", {}, 20, 15),
        ("declared", {"time_limit": 10.0, "soft_time_limit": 5.0}, 10, 5),
        ("unknown", {}, 30, 15),
    ]:
        job, told = claim(name, **options), Told()
        limits.begin(job, told)
        assert slate.deadline == (still.moment + hard, hard, job.id)
        still.moment += soft + 0.1
        limits.overdue()
        assert told.reasons == [f"the soft time limit of {soft} s passed"]
        limits.end(job)
    app.close()


def test_nothing_passes_after_the_end(limits: Limits, still: StillClock) -> None:
    job, told = claim("declared"), Told()
    limits.begin(job, told)
    limits.end(job)
    still.moment += 100
    assert limits.overdue() is None
    assert told.reasons == []
