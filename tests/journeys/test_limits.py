"""Time limits in every pool: what a task hears, how its job ends, and what its neighbours notice."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from standing import POOLS, Standing, standing

from cardoon.model.job import Job
from cardoon.model.states import State

SOFT, HARD = 0.2, 0.4
"""As in `tasks/limits.py`."""
BUSY_SECONDS = 20.0
"""How late an end may be on a busy machine; one that never comes is later."""


@pytest.fixture(scope="module", params=POOLS)
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp(request.param), "limits", request.param) as made:
        yield made


def over_time(job: Job, seconds: float) -> None:
    """It failed for its hard limit, at its first attempt."""
    assert (job.state, job.attempt, job.retries, job.crashes) == (State.FAILED, 1, 0, 0), job
    assert str(job.error) == f"TimeLimitExceeded: the time limit of {seconds:g} s passed"
    assert seconds <= took(job) <= seconds + BUSY_SECONDS


def took(job: Job) -> float:
    assert job.started is not None
    assert job.finished is not None
    return job.finished - job.started


# -- soft


def test_a_soft_limit_is_raised_once_in_the_task_which_may_catch_it(worker: Standing) -> None:
    process = worker.child
    assert worker.value("soft", True) == 1
    worker.serves()
    assert worker.child == process


def test_a_soft_limit_that_is_not_caught_fails_the_job(worker: Standing) -> None:
    job = worker.run("soft", False)
    assert (job.state, job.attempt) == (State.FAILED, 1)
    assert str(job.error).startswith("SoftTimeLimitExceeded: the soft time limit")
    assert SOFT <= took(job) < SOFT + BUSY_SECONDS
    worker.serves()


def test_a_soft_limit_cuts_a_sleep_of_the_main_thread_short_and_waits_for_others(worker: Standing) -> None:
    seconds = BUSY_SECONDS if worker.pool == "solo" else 1.5
    after = worker.send_plain("soft_in_a_sleep", seconds).get(60)
    assert (SOFT <= after < seconds) if worker.pool == "solo" else after >= seconds
    worker.serves()


def test_a_soft_limit_that_passes_at_the_end_of_a_job_is_not_raised_in_the_next(worker: Standing) -> None:
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    chance = random.Random(seed)
    calls = [worker.send("close_call", chance.uniform(0.03, 0.08)) for _ in range(20)]
    others = [worker.send("fine") for _ in range(20)]
    ends = [worker.end_of(call) for call in calls]
    assert {job.state for job in ends} <= {State.SUCCEEDED, State.FAILED}
    assert all(str(job.error).startswith("SoftTimeLimit") for job in ends if job.state is State.FAILED)
    assert [worker.end_of(other).state for other in others] == [State.SUCCEEDED] * 20


def test_a_soft_limit_does_not_tear_a_write_of_the_engine(worker: Standing) -> None:
    sender = worker.send_plain("send_for_ever")
    count = sender.get(60)
    assert count > 0
    worker.serves()
    assert count <= len(sender.children) <= count + 1


def test_a_limit_that_is_given_with_the_call_counts(worker: Standing) -> None:
    over_time(worker.run("wait_long", time_limit=0.3), 0.3)
    worker.serves()
    assert worker.value("soft", True, soft_time_limit=0.1) == 1


# -- hard


def test_a_task_that_ignores_its_soft_limit_meets_the_hard_one(worker: Standing) -> None:
    over_time(worker.run("deaf"), 2 * HARD)
    worker.serves()


@pytest.mark.parametrize("name", ["loop", "sleep", "hold"])
def test_a_hard_limit_ends_whatever_runs_and_all_who_should_hear_of_it(worker: Standing, name: str) -> None:
    """Also what holds the interpreter inside C for ever: then the next process tells the hooks."""
    follower = worker.app.task(name=f"limits.follow_{name}", queue="elsewhere")(lambda id: None)
    handle = worker.send(name, link_error=follower.s())
    job = worker.end_of(handle)
    over_time(job, HARD)
    worker.serves()
    told = worker.until(lambda: lines(worker.folder / f"{job.id}.told"), "on_failure")
    assert told == [f"on_failure {job.error}"]
    assert [child.task_name for child in handle.children] == [follower.name]
    logged = worker.until(lambda: failures(worker, job.id), "a line of the log")
    assert str(job.error) in logged[0]


def failures(worker: Standing, id: str) -> list[str]:
    """What the log says of the end of this job."""
    lines = worker.worker.lines()
    return [
        line["message"] for line in lines if (line.get("job_id"), line.get("event")) == (id, "job.failed")
    ]


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("name", ["sleep", "hold"])
def test_the_end_comes_within_a_second_of_the_limit(worker: Standing, name: str) -> None:
    """Of a few tries one must be within it, as the machine may be busy."""
    lags: list[float] = []
    while len(lags) < 4 and not any(lag <= 1.0 for lag in lags):
        lags.append(took(worker.run(name)) - HARD)
    assert min(lags) <= 1.0, lags


def test_a_coroutine_that_blocks_the_event_loop_is_ended_too(worker: Standing) -> None:
    over_time(worker.end_of(worker.send_plain("async_block")), HARD)
    worker.serves()


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_hook_that_never_returns_holds_up_nothing(pool: str, tmp_path: Path) -> None:
    """The process that it kills first tells it, then the next one, whose supervisor is still obeyed."""
    with standing(tmp_path, "limits", pool) as own:
        over_time(own.end_of(own.send_plain("slow_to_tell")), HARD)
        own.serves()
        told = tmp_path / "slow_to_tell.told"
        own.until(lambda: lines(told) == ["on_failure begins"] * 2, "the next process to tell it")
        running = own.send("wait_for", "mark", "no gate")
        own.until((tmp_path / "mark").exists, "a job to run")
        running.revoke(terminate=True)
        assert own.end_of(running).state is State.CANCELLED
        own.serves()


@pytest.mark.parametrize("name", ["sleep", "hold"])
@pytest.mark.parametrize("pool", ["threads", "async"])
def test_the_neighbours_of_a_job_over_its_limit_go_back_free_of_charge(
    pool: str, name: str, tmp_path: Path
) -> None:
    """By the hand of their own process, or by the supervisor's when that one is stuck."""
    with standing(tmp_path, "limits", pool) as own:
        neighbours = [own.send("wait_for", f"mark-{number}", "gate") for number in range(3)]
        marks = [tmp_path / f"mark-{number}" for number in range(3)]
        own.until(lambda: all(mark.exists() for mark in marks), "the neighbours to run")
        first = own.child
        over = own.send(name)
        own.until(lambda: own.child != first, "the next process")
        (tmp_path / "gate").touch()
        for handle in neighbours:
            job = own.end_of(handle)
            assert (job.state, job.attempt, job.retries, job.crashes) == (State.SUCCEEDED, 1, 0, 0), job
        over_time(own.end_of(over), HARD)
        own.serves()


@pytest.mark.parametrize("pool", ["solo", "async"])
def test_a_limit_of_the_settings_holds_for_tasks_without_one(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "limits", pool, environment={"CARDOON_TASK_TIME_LIMIT": "0.3"}) as own:
        over_time(own.run("wait_long"), 0.3)
        own.serves()
