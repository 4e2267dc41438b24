"""Tasks that end their process: counted apart from retries, alone after the first time, quarantined after
three, with all that may tell why; and the innocent beside them.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from standing import POOLS, SECONDS, Standing, standing

from cardoon.exceptions import WorkerLostError
from cardoon.model.job import Job
from cardoon.model.states import State

SOLO_DEATHS = 3


@pytest.fixture(scope="module", params=POOLS)
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp(request.param), "crashes", request.param) as made:
        yield made


class Way(NamedTuple):
    """A way to end a process: what the evidence says of it."""

    args: tuple[object, ...] = ()
    evidence: tuple[str, ...] = ()


WAYS = {
    "segfault": Way(
        evidence=(
            "signal 11 (SIGSEGV)",
            "Segmentation fault",
            "in string_at",
            "crashes.py",
            "about to touch what is not there",
        )
    ),
    "leave_with 0": Way((0,), ("exit code 0", "about to leave with 0")),
    "leave_with 3": Way((3,), ("exit code 3", "about to leave with 3")),
    "close_all_files": Way(evidence=("about to close all files",)),
    "kill_yourself": Way(evidence=("signal 9 (SIGKILL)", "about to kill")),
    "abort": Way(evidence=("signal 6 (SIGABRT)", "Fatal Python error: Aborted", "in abort")),
    "use_much_and_leave": Way((200,), ("exit code 0", "peak memory 2")),
}
EVERYWHERE = [(pool, name) for pool in POOLS for name in ("segfault", "leave_with 0")]
SOMEWHERE = [
    ("solo", "abort"),
    ("solo", "close_all_files"),
    ("threads", "close_all_files"),
    ("threads", "use_much_and_leave"),
    ("async", "leave_with 3"),
    ("async", "kill_yourself"),
]


@pytest.mark.parametrize(("worker", "name"), sorted(EVERYWHERE + SOMEWHERE), indirect=["worker"])
def test_a_job_that_ends_its_process_is_quarantined_with_evidence_after_three_deaths(
    worker: Standing, name: str
) -> None:
    """Its hooks are told once, by a process that lives."""
    way, mark = WAYS[name], worker.folder / name.replace(" ", "-")
    handle = worker.send(name.split()[0], str(mark), *way.args)
    job = worker.end_of(handle)
    worker.serves()
    assert (job.state, job.retries, job.crashes) == (State.QUARANTINED, 0, SOLO_DEATHS), job
    deaths = lines(mark)
    assert len(deaths) == len({*deaths}) == job.attempt
    assert SOLO_DEATHS <= job.attempt <= SOLO_DEATHS + 1
    with pytest.raises(WorkerLostError, match="3 times"):
        handle.get(60)
    for word in way.evidence:
        assert word in evidence(job)
    assert {attempt.note for attempt in worker.app.engine.attempts(job.id)} == {"its worker died"}
    (told,) = worker.until(lambda: lines(worker.folder / f"{job.id}.told"), "on_failure")
    pid, words = told.split(maxsplit=1)
    assert pid not in deaths
    assert words == str(job.error)


def evidence(job: Job) -> str:
    """What was found out about the death, in words."""
    assert job.error is not None
    return job.error.traceback


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_crashes_and_retries_are_counted_apart(worker: Standing) -> None:
    """The first death was not alone to blame only where others ran beside it: a suspect's counts."""
    handle = worker.send_plain("unlucky", str(worker.folder / "unlucky"))
    attempt, retries, crashes = handle.get(60)
    assert (attempt, retries) == (5, 2)
    assert 1 <= crashes <= 2
    job = worker.job(handle)
    assert (job.state, job.attempt, job.retries) == (State.SUCCEEDED, 5, 2)
    worker.serves()


@pytest.mark.parametrize("pool", ["threads", "async"])
def test_those_beside_a_crash_run_alone_next_and_are_cleared(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "crashes", pool) as own:
        innocent = [own.send("innocent", str(number), "gate") for number in range(3)]
        own.until(lambda: len(lines(tmp_path / "order")) == 3, "the innocent to run")
        guilty = own.send("kill_yourself", "mark")
        own.until(lambda: lines(tmp_path / "mark"), "the crash")
        for handle in innocent:
            job = own.end_of(handle)
            assert (job.state, job.attempt, job.crashes) == (State.SUCCEEDED, 2, 0), job
        own.serves()
        job = own.end_of(guilty)
        assert (job.state, job.attempt, job.crashes) == (State.QUARANTINED, 4, 3), job
        order = lines(tmp_path / "order")[3:]
        assert [line.split()[0] for line in order] == ["begin", "end"] * 3
        assert all(
            began.split()[1] == ended.split()[1] for began, ended in zip(order[::2], order[1::2], strict=True)
        )


@pytest.mark.parametrize("pool", ["threads", "async"])
def test_a_worker_that_is_never_empty_makes_room_for_who_must_run_alone(pool: str, tmp_path: Path) -> None:
    """The job of a worker that is gone, beside another whose places are taken and whose line is full."""
    with standing(tmp_path, "crashes", pool) as own:
        innocent = own.send("innocent", "one", "gate")
        own.until(lambda: lines(tmp_path / "order"), "it to run")
        with own.new_worker() as other:
            other.wait_ready()
            keep_full(own)
            own.worker.kill_group()
            deadline = time.monotonic() + SECONDS
            while not innocent.ready():
                assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {innocent.job}"
                keep_full(own)
            job = own.job(innocent)
            assert (job.state, job.attempt, job.crashes) == (State.SUCCEEDED, 2, 0), job
            own.app.engine.purge(["q"])


def keep_full(own: Standing) -> None:
    """Many naps wait, of such lengths that they end one by one."""
    if own.app.engine.count(["q"]).get("q", {}).get(State.READY, 0) < 200:
        for number in range(100):
            own.send("nap", 0.1 + number / 400)


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_poisoned_job_among_many_costs_four_processes_and_no_other_job(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "crashes", pool) as own:
        before = [own.send("fine") for _ in range(100)]
        poison = own.send("kill_yourself", "mark")
        after = [own.send("fine") for _ in range(100)]
        assert own.end_of(poison).state is State.QUARANTINED
        ends = [own.end_of(handle) for handle in before + after]
        assert {(job.state, job.retries, job.crashes) for job in ends} == {(State.SUCCEEDED, 0, 0)}
        assert {job.attempt for job in ends} <= {1, 2}
        assert SOLO_DEATHS <= len(lines(tmp_path / "mark")) <= SOLO_DEATHS + 1
        own.serves()
        ready = [line for line in own.worker.lines() if line.get("event") == "worker.ready"]
        assert len(ready) <= 1 + SOLO_DEATHS + 1


@pytest.mark.parametrize("pool", POOLS)
def test_the_job_of_a_process_that_somebody_killed_runs_again_and_is_not_blamed(
    pool: str, tmp_path: Path
) -> None:
    with standing(tmp_path, "crashes", pool) as own:
        handle = own.send("innocent", "one", "gate")
        own.until(lambda: lines(tmp_path / "order"), "it to run")
        os.kill(own.child, signal.SIGKILL)
        job = own.end_of(handle)
        assert (job.state, job.attempt, job.retries) == (State.SUCCEEDED, 2, 0)
        (attempt,) = own.app.engine.attempts(job.id)
        assert attempt.error is not None
        assert "signal 9 (SIGKILL)" in attempt.error.traceback
        own.serves()
