"""An engine that does not answer: no worker waits for it in silence, or for ever."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

import pytest
from standing import standing

from cardoon.exceptions import EngineError
from cardoon.testing import faults


@pytest.mark.parametrize("pool", ["async"])
def test_a_process_whose_call_never_comes_back_says_so_ends_with_74_and_is_replaced(
    pool: str, tmp_path: Path
) -> None:
    """The connection is closed first, which is no help here. The bounds are those of `tasks/stuck.py`."""
    with standing(tmp_path, "stuck", pool, environment=faults.failing_at("claim.before=sleep:3600@4")) as own:
        pids = [own.value("fine") for _ in range(4)]
        assert len({*pids}) > 1
        assert "; closing the connection" in own.worker.log
        assert "; ending this process" in own.worker.log
        assert "ended=exit code 74" in own.worker.log


@pytest.mark.parametrize("pool", ["solo", "async"])
def test_a_file_that_is_damaged_ends_the_worker_with_69(pool: str, tmp_path: Path) -> None:
    """As soon as it meets the damage; who sends meanwhile may meet it, too."""
    with standing(tmp_path, "lifetime", pool) as own:
        own.serves()
        for name in ("jobs.db", "jobs.db-wal"):
            with (tmp_path / name).open("r+b") as file:
                file.write(b"damaged!" * 10_240)
        with contextlib.suppress(EngineError):
            own.send("fine")
        assert own.worker.wait() == os.EX_UNAVAILABLE
        assert "is damaged or no SQLite database" in own.worker.log


def test_a_foreign_writer_that_holds_the_engine_for_long_loses_no_job(tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", "solo") as own:
        handles = [own.send("fine") for _ in range(5)]
        with (tmp_path / "jobs.db-turn").open("r+") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            own.until(lambda: "was held by another writer" in own.worker.log, "the worker to say so")
        assert all(handle.get(60) for handle in handles)
        assert {own.job(handle).attempt for handle in handles} == {1}
