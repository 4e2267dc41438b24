"""The bounds of a process: drawn a little below what was said, and named when they are met."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from specimens import StillClock

from cardoon import Cardoon
from cardoon.worker import lifetime
from cardoon.worker.lifetime import Bounds, memory_in_use
from cardoon.worker.loop import Loop
from cardoon.worker.plan import Lifetime
from cardoon.worker.pools.mixed import MixedPool
from cardoon.worker.timeouts import Limits


@pytest.fixture
def loop(memory_app: Cardoon, still: StillClock) -> Iterator[Loop]:
    made = Loop(memory_app, "w", None)
    made.pool = MixedPool(
        {},
        lambda claim: "",
        Limits(memory_app),
        made.rouse,
        None,  # type: ignore[arg-type]
        made.withdrawal.look,
    )
    yield made
    made.pool.close()


def test_without_bounds_there_is_nothing_to_pass(loop: Loop) -> None:
    bounds = Bounds(Lifetime())
    assert not bounds
    assert bounds.passed(loop) == ""


@pytest.mark.parametrize(("chance", "jobs"), [(0.0, 20), (0.5, 19), (0.999, 18)])
def test_each_process_draws_its_number_of_jobs_from_the_last_tenth(
    still: StillClock, chance: float, jobs: int
) -> None:
    still.chance = chance
    assert Bounds(Lifetime(jobs=20)).jobs == jobs


def test_a_process_runs_at_least_one_job(still: StillClock) -> None:
    still.chance = 0.999
    assert Bounds(Lifetime(jobs=1)).jobs == 1


def test_the_number_of_jobs_is_met(loop: Loop, still: StillClock) -> None:
    still.chance = 0.0
    bounds = Bounds(Lifetime(jobs=20))
    loop.jobs = 19
    assert bounds.passed(loop) == ""
    loop.jobs = 20
    assert bounds.passed(loop) == "ran 20 jobs"


def test_the_time_is_met(loop: Loop, still: StillClock) -> None:
    bounds = Bounds(Lifetime(seconds=60))
    still.moment += 56.9
    assert bounds.passed(loop) == ""
    still.moment += 0.2
    assert bounds.passed(loop) == "ran for 57 s"


def test_idle_is_counted_from_the_last_job(loop: Loop, still: StillClock) -> None:
    bounds = Bounds(Lifetime(idle=10))
    still.moment += 9
    loop.busy_until = still.moment
    still.moment += 9
    assert bounds.passed(loop) == ""
    still.moment += 1
    assert bounds.passed(loop) == "had no job for 10 s"


def test_memory_is_met(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = Bounds(Lifetime(bytes=512 * 2**20))
    monkeypatch.setattr(lifetime, "memory_in_use", lambda: 511 * 2**20)
    assert bounds.passed(loop) == ""
    monkeypatch.setattr(lifetime, "memory_in_use", lambda: 600 * 2**20)
    assert bounds.passed(loop) == "used 600 MiB"


def test_the_memory_of_this_process_is_known_and_grows_with_it() -> None:
    before = memory_in_use()
    held = os.urandom(32 * 2**20)
    assert memory_in_use() - before > 16 * 2**20
    assert len(held) == 32 * 2**20
