"""Work that a worker does not understand is kept, says why, and runs where it is understood."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from standing import POOLS, Standing, standing

from cardoon import AsyncResult
from cardoon.model.states import State

NEWER = {"NEWER": "yes"}


def unknown_task(old: Standing) -> AsyncResult[str]:
    return old.send_plain("fine_tomorrow")


def more_arguments(old: Standing) -> AsyncResult[str]:
    return old.send_plain("greet", "you", "good morning")


def newer_envelope(old: Standing) -> AsyncResult[str]:
    """As a later version of Cardoon would send it."""
    old.app.engine.pause("q")
    handle = old.send_plain("fine")
    with contextlib.closing(sqlite3.connect(old.folder / "jobs.db", timeout=10)) as db, db:
        newer = "CAST(replace(body, '\"v\":1', '\"v\":2') AS BLOB)"
        assert db.execute(f"UPDATE jobs SET body = {newer} WHERE id = ?", (handle.id,)).rowcount == 1
    old.app.engine.resume("q")
    return handle


Send = Callable[[Standing], AsyncResult[str]]
STRANGE: dict[Send, tuple[str, str]] = {
    unknown_task: ("no task 'versions.fine_tomorrow' here; did you mean 'versions.fine'?", "fine tomorrow"),
    more_arguments: ("too many positional arguments", "good morning you"),
    newer_envelope: ("envelope version 2, this Cardoon reads 1: upgrade the workers", "fine"),
}


def parked(old: Standing, handle: AsyncResult[str]) -> str:
    """Why it is parked, once it is."""
    old.until(lambda: old.job(handle).state is State.PARKED, f"{handle} to be parked")
    return old.job(handle).note


@pytest.mark.parametrize("pool", POOLS)
def test_strange_work_is_parked_with_the_reason_and_runs_when_a_worker_knows_it(
    pool: str, tmp_path: Path
) -> None:
    with standing(tmp_path, "versions", pool) as old:
        handles = [send(old) for send in STRANGE]
        for handle, (reason, _) in zip(handles, STRANGE.values(), strict=True):
            assert reason in parked(old, handle)
        assert old.send_plain("fine").get(60) == "fine"
        assert old.worker.stop() == 0
        with old.new_worker(environment=NEWER):
            for handle, (_, value) in zip(handles, STRANGE.values(), strict=True):
                assert handle.get(60) == value
                job = old.job(handle)
                assert (job.attempt, job.retries, job.crashes) == (1, 0, 0)


def test_strange_work_runs_although_an_old_worker_stays(tmp_path: Path) -> None:
    """The old one has something else to do when the newer one begins."""
    with standing(tmp_path, "versions", "solo") as old:
        handle = unknown_task(old)
        assert "no task" in parked(old, handle)
        long = old.send_plain("wait_for", "mark", "gate")
        old.until((tmp_path / "mark").exists, "the old worker to be busy")
        with old.new_worker(environment=NEWER):
            assert handle.get(60) == "fine tomorrow"
            (tmp_path / "gate").touch()
            assert long.get(60) == "done"
        assert (old.job(handle).attempt, old.job(long).attempt) == (1, 1)


def test_strange_work_runs_although_old_workers_stay_and_are_idle(tmp_path: Path) -> None:
    """Each of them is woken when parked work goes back in line; who knows it claims first."""
    with standing(tmp_path, "versions", "solo", "-p", "2") as old:
        before = unknown_task(old)
        assert "no task" in parked(old, before)
        with old.new_worker(environment=NEWER) as newer:
            assert before.get(60) == "fine tomorrow"
            newer.wait_ready()
            for handle in [unknown_task(old) for _ in range(2)]:
                assert handle.get(60) == "fine tomorrow"
