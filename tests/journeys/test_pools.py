"""Where jobs run, and that they do not hold each other up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standing import POOLS, Standing, standing

from cardoon import AsyncResult
from cardoon.model.states import State

every_pool = pytest.mark.parametrize("pool", POOLS)
PROMPT_SECONDS = 20.0
"""Far less than the jobs that stand in the way take, and enough for a busy machine."""


@pytest.fixture(scope="module", params=POOLS)
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp(request.param), "pools", request.param) as made:
        yield made


# -- places

MAIN, THREAD, LOOP = "MainThread", "a thread", "cardoon-event-loop"
PLACES = {
    "solo": dict.fromkeys(
        ["fine", "async_fine", "in_main", "in_thread", "async_in_thread", "async_on_loop"], MAIN
    ),
    "threads": {
        "fine": THREAD,
        "async_fine": THREAD,
        "in_main": MAIN,
        "in_thread": THREAD,
        "async_in_thread": THREAD,
        "async_on_loop": THREAD,
    },
    "async": {
        "fine": THREAD,
        "async_fine": LOOP,
        "in_main": MAIN,
        "in_thread": THREAD,
        "async_in_thread": THREAD,
        "async_on_loop": LOOP,
    },
}


def test_each_task_runs_where_it_asks_to_or_where_it_fits(worker: Standing) -> None:
    handles = {name: worker.send_plain(name) for name in PLACES[worker.pool]}
    places = {name: handle.get(60) for name, handle in handles.items()}
    named = {name: place if place in (MAIN, LOOP) else THREAD for name, place in places.items()}
    assert named == PLACES[worker.pool]


# -- busy


def test_jobs_of_one_kind_keep_all_their_places_busy_however_long_they_are(tmp_path: Path) -> None:
    """They last longer than a claim may wait for a place, and the places of other kinds are free."""
    with standing(tmp_path, "pools", "threads") as own:
        handles = [own.send_plain("nap", 0.3) for _ in range(40)]
        jobs = [own.end_of(handle) for handle in handles]
        took = max(job.finished or 0 for job in jobs) - min(job.started or 0 for job in jobs)
        ideal = 40 * 0.3 / 4
        assert took < 2 * ideal, f"{took:.2f} s instead of {ideal:.2f} s"


# -- apart


def test_jobs_that_run_at_once_keep_their_context_and_their_lines_of_the_log_apart(
    worker: Standing,
) -> None:
    handles = {f"speaker-{number}": worker.send("speak", f"speaker-{number}", 0.02) for number in range(20)}
    for name, handle in handles.items():
        assert handle.get(60) == [name, handle.id]
    said = [line for line in worker.worker.lines() if line["message"].startswith("speaker-")]
    assert len(said) == 20 * (4 if worker.pool == "async" else 2)
    for line in said:
        assert line["job_id"] == handles[line["message"].split()[0]].id, line
        assert line["task_name"] == worker.job(handles[line["message"].split()[0]]).task
    assert {worker.value("whose") for _ in range(10)} == {"nobody's"}


# -- beside each other


def test_five_thousand_coroutines_wait_at_once(tmp_path: Path) -> None:
    """Each ends only when all have begun."""
    with standing(tmp_path, "pools", "async", "--async", "5000") as own:
        assert own.send_plain("send_gathering", 5000).get(60) == 5000
        own.until(lambda: ended_well(own) == 5001, "all to end", 60)


def ended_well(own: Standing) -> int:
    return own.app.engine.count(["q"])["q"].get(State.SUCCEEDED, 0)


def begun(own: Standing, name: str, count: int) -> list[AsyncResult[str]]:
    """So many of these, all running until somebody makes `gate`."""
    handles = [own.send_plain(name, f"{name}-{number}", "gate") for number in range(count)]
    marks = [own.folder / f"{name}-{number}" for number in range(count)]
    own.until(lambda: all(mark.exists() for mark in marks), f"{count} of {name} to run")
    return handles


THREADS_BESIDE_A_LOOP = 8


@pytest.mark.parametrize(
    ("long", "count", "short"),
    [("wait_for", THREADS_BESIDE_A_LOOP, "async_fine"), ("async_wait_for", 50, "fine")],
)
def test_long_jobs_of_one_kind_do_not_hold_up_the_other_kind(
    long: str, count: int, short: str, tmp_path: Path
) -> None:
    with standing(tmp_path, "pools", "async") as own:
        handles = begun(own, long, count)
        behind = [own.send_plain(long, f"behind-{number}", "gate") for number in range(20)]
        began = time.monotonic()
        for handle in [own.send_plain(short) for _ in range(20)]:
            handle.get(PROMPT_SECONDS)
        assert time.monotonic() - began < PROMPT_SECONDS
        assert not any(handle.ready() for handle in handles)
        (tmp_path / "gate").touch()
        ends = [own.end_of(handle) for handle in handles + behind]
        assert {(job.state, job.attempt) for job in ends} == {(State.SUCCEEDED, 1)}


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_what_was_claimed_behind_long_jobs_goes_back_to_whoever_is_free(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "pools", pool) as full:
        for handle in [full.send("fine") for _ in range(300)]:  # so that it expects short ones
            handle.get(60)
        long = begun(full, "wait_for", {"solo": 1, "threads": 3}[pool])
        with full.new_worker() as free:
            last = full.send("wait_for", "last", "gate") if pool == "threads" else None
            began = time.monotonic()
            short = [full.send("fine") for _ in range(100)]
            for handle in short:
                handle.get(PROMPT_SECONDS)
            assert time.monotonic() - began < PROMPT_SECONDS
            (tmp_path / "gate").touch()
            ends = [full.end_of(handle) for handle in [*long, *short, *([last] if last else [])]]
            assert {(job.attempt, job.retries) for job in ends} == {(1, 0)}
            assert free.lives


@pytest.mark.parametrize("pool", ["threads", "async"])
def test_a_backlog_that_fits_no_free_place_is_not_claimed_over_and_over(pool: str, tmp_path: Path) -> None:
    """Each claim takes a new token: about one a second of them all, and no attempt is charged."""
    with standing(tmp_path, "pools", pool) as own:
        begun(own, "wait_for", {"threads": 4, "async": THREADS_BESIDE_A_LOOP}[pool])
        waiting = [own.send_plain("wait_for", f"waiting-{number}", "gate") for number in range(40)]
        began = time.monotonic()
        own.until(lambda: time.monotonic() - began > 2.5, "two and a half seconds")
        claims = max(own.job(handle).token for handle in waiting)
        seconds = time.monotonic() - began
        print(f"claimed {claims} times in {seconds:.1f} s without a place to run")
        assert claims <= 3 + 2 * seconds
        (tmp_path / "gate").touch()
        ends = [own.end_of(handle) for handle in waiting]
        assert {(job.state, job.attempt, job.retries) for job in ends} == {(State.SUCCEEDED, 1, 0)}
