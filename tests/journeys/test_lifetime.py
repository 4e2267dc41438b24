"""How long processes live, how many there are, and how a worker is started as Celery's was."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from standing import POOLS, Standing, standing

from cardoon.model.states import State
from cardoon.testing import faults

every_pool = pytest.mark.parametrize("pool", POOLS)


def settled(own: Standing) -> int:
    """The pid of its one process, when one leaves only that which took its place."""
    (pid,) = own.until(lambda: alone(own.worker.ready()), "one process alone")
    return pid


def alone(pids: list[int]) -> list[int]:
    return pids if len(pids) == 1 else []


# -- bounds


@every_pool
def test_a_process_runs_no_more_than_its_number_of_jobs_and_none_is_lost(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", pool, "--max-jobs", "20") as own:
        handles = [own.send("fine") for _ in range(61)]
        by = Counter(handle.get(60) for handle in handles)
        assert len(by) >= 4
        assert max(by.values()) <= 20
        jobs = [own.job(handle) for handle in handles]
        assert {(job.state, job.attempt, job.retries, job.crashes) for job in jobs} == {
            (State.SUCCEEDED, 1, 0, 0)
        }
        assert "makes place for another: it ran" in own.worker.log
        assert "worker.lost" not in own.worker.log


@every_pool
def test_a_process_that_uses_too_much_memory_is_replaced_after_its_job(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", pool, "--max-memory", "150M") as own:
        first = own.value("fine")
        assert own.value("keep", 10) == first
        assert own.value("keep", 200) == first
        own.until(lambda: own.worker.ready() not in ([], [first]), "another process")
        assert settled(own) != first
        assert own.value("fine") == settled(own)
        assert "makes place for another: it used 2" in own.worker.log


@every_pool
def test_a_process_that_is_too_old_ends_its_job_while_another_works(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", pool, "--max-time", "1.5") as own:
        first = own.child
        long = own.send("wait_for", "mark", "gate")
        own.until((tmp_path / "mark").exists, "the long job to run")
        own.until(lambda: "makes place for another: it ran for" in own.worker.log, "the replacement")
        assert {own.value("fine") for _ in range(3)}.isdisjoint({first})
        assert not long.ready()
        (tmp_path / "gate").touch()
        assert long.get(60) == first
        assert own.job(long).attempt == 1
        own.until(lambda: not faults.lives(first), "the end of the old process")


@every_pool
def test_a_process_that_has_no_job_for_long_is_replaced(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", pool, "--max-idle", "0.5") as own:
        first = own.child
        own.until(lambda: "makes place for another: it had no job for" in own.worker.log, "its end")
        own.until(lambda: not faults.lives(first), "the end of the old process")
        handles = [own.send("fine") for _ in range(10)]
        assert first not in {handle.get(60) for handle in handles}
        assert {own.job(handle).attempt for handle in handles} == {1}


# -- how many


def test_a_worker_grows_with_its_backlog_up_to_its_most(tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", "solo", "--autoscale", "3,1") as own:
        assert len(own.worker.children()) == 1
        handles = [own.send("wait_for", f"mark-{number}", "gate") for number in range(4)]
        own.until(lambda: len(list(tmp_path.glob("mark-*"))) == 3, "three to run at once")
        (tmp_path / "gate").touch()
        assert len({handle.get(60) for handle in handles}) == 3
        assert {own.job(handle).attempt for handle in handles} == {1}
        assert len(own.worker.children()) == 3


# -- as Celery was started

CELERY = (
    "--max-tasks-per-child 100 --max-memory-per-child 512000 --autoscale=4,2"
    " -l info -E --pidfile w.pid -n ada"
)


def test_the_command_line_of_celery_starts_a_worker_of_the_same_kind(tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", "solo", *CELERY.split()) as own:
        own.worker.wait_ready(2)
        assert (tmp_path / "w.pid").read_text() == f"{own.worker.supervisor}\n"
        assert {report.name for report in own.app.engine.workers()} == {"ada/1", "ada/2"}
        own.value("keep", 600)
        own.until(lambda: "makes place for another: it used 6" in own.worker.log, "the replacement")
        assert own.value("fine") in own.worker.wait_ready(2)
        assert own.worker.stop() == 0
        assert not (tmp_path / "w.pid").exists()


def test_a_pidfile_of_a_living_worker_is_respected_and_a_stale_one_replaced(tmp_path: Path) -> None:
    (tmp_path / "w.pid").write_text("999999999\n")
    with standing(tmp_path, "lifetime", "solo", "--pidfile", "w.pid") as own:
        second = own.new_worker().start()
        try:
            assert second.wait() == os.EX_CONFIG
            assert f"belongs to living process {own.worker.supervisor}" in second.log
        finally:
            second.close()
        assert (tmp_path / "w.pid").read_text() == f"{own.worker.supervisor}\n"
        own.serves()
