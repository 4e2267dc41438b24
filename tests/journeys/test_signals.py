"""What signals do to a worker of each pool, and what a death leaves behind: nothing."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from standing import POOLS, Standing, standing

from cardoon import AsyncResult
from cardoon.model.states import State
from cardoon.testing import faults

every_pool = pytest.mark.parametrize("pool", POOLS)
PROMPT_SECONDS = 20.0
"""Less than the timeout that would end it otherwise, and enough for a busy machine."""


def running(own: Standing, name: str = "wait_for", mark: str = "mark") -> AsyncResult[int]:
    """A job that runs until somebody makes `gate`."""
    handle = own.send(name, mark, "gate") if name == "wait_for" else own.send(name, mark)
    own.until((own.folder / mark).exists, f"{name} to run")
    return handle


def in_line(own: Standing, handle: AsyncResult[int]) -> None:
    """It waits again as if it had never run."""
    job = own.job(handle)
    assert (job.state, job.attempt, job.retries, job.crashes) == (State.READY, 0, 0, 0), job
    assert own.app.engine.attempts(job.id) == []


def runs_at_last(own: Standing, handle: AsyncResult[int]) -> None:
    """Another worker runs it as its first attempt."""
    (own.folder / "gate").touch()
    with own.new_worker():
        handle.get(60)
        assert own.job(handle).attempt == 1


# -- the first signal


@pytest.mark.parametrize(
    ("pool", "number"),
    [*((pool, signal.SIGTERM) for pool in POOLS), ("solo", signal.SIGINT), ("threads", signal.SIGHUP)],
)
def test_the_first_signal_drains_and_the_exit_code_is_0(
    pool: str, number: signal.Signals, tmp_path: Path
) -> None:
    with standing(tmp_path, "signals", pool) as own:
        handle = running(own)
        os.kill(own.worker.supervisor, number)
        own.until(lambda: "stopping: claiming nothing more" in own.worker.log, "the supervisor to obey")
        late = own.send("fine")
        (tmp_path / "gate").touch()
        assert own.worker.wait(PROMPT_SECONDS) == 0
        assert own.job(handle).state is State.SUCCEEDED
        if pool == "solo":  # the others have room, and a tenth of a second to hear of the signal
            in_line(own, late)


@every_pool
def test_nothing_is_claimed_later_than_a_tenth_of_a_second_after_term(pool: str, tmp_path: Path) -> None:
    """Of a few tries one must be within it, as the machine may be busy; none may be far beyond."""
    with standing(tmp_path, "signals", pool) as own:
        lags = []
        while len(lags) < 6 and not any(lag < 0.1 for lag in lags):
            if lags:
                own.worker.close()
                own.worker = own.new_worker().start()
            lags.append(lag_of_term(own, {"solo": 0.01, "threads": 0.04, "async": 0.4}[pool]))
        print(f"the last job began {lags} s after the worker heard of the signal")
        assert min(lags) < 0.1
        assert max(lags) < 5.0


def lag_of_term(own: Standing, seconds: float) -> float:
    """How long after TERM the last of many jobs began; the others wait as if they had never been claimed."""
    handles = [own.send("short", seconds * (0.5 + number % 11 / 10)) for number in range(400)]
    own.until(lambda: any(handle.ready() for handle in handles[:100:20]), "some to end")
    assert own.worker.stop() == 0
    (heard,) = [line["time"] for line in own.worker.lines() if line["message"].startswith("stopping: ")]
    jobs = [own.job(handle) for handle in handles]
    assert {job.state for job in jobs} == {State.READY, State.SUCCEEDED}
    assert {job.attempt for job in jobs if job.state is State.READY} == {0}
    own.app.engine.purge(["q"])
    return max(job.started or 0.0 for job in jobs if job.state is State.SUCCEEDED) - heard


@every_pool
def test_what_does_not_end_within_the_shutdown_timeout_goes_back_uncharged(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "signals", pool, "--shutdown-timeout", "0.3") as own:
        handle = running(own)
        began = time.monotonic()
        assert own.worker.stop() == 0
        assert 0.3 <= time.monotonic() - began < PROMPT_SECONDS
        assert "the shutdown timeout passed" in own.worker.log
        in_line(own, handle)
        runs_at_last(own, handle)


def test_a_signal_during_the_start_ends_the_worker_at_once(tmp_path: Path) -> None:
    with standing(tmp_path, "signals", "solo") as own:
        assert own.worker.stop() == 0
        (tmp_path / "import_slowly").touch()
        starting = own.new_worker().start()
        starting.until((tmp_path / "importing").exists, "its process to import the application")
        children = starting.children()
        assert starting.stop(PROMPT_SECONDS) == 0
        assert not any(map(faults.lives, children))
        starting.close()


# -- the second and the third


@pytest.mark.parametrize(
    ("pool", "number", "code"),
    [*((pool, signal.SIGTERM, 143) for pool in POOLS), ("solo", signal.SIGINT, 130)],
)
def test_the_second_signal_gives_running_jobs_back_uncharged(
    pool: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with standing(tmp_path, "signals", pool) as own:
        handle = running(own)
        children = own.worker.children()
        os.kill(own.worker.supervisor, number)
        own.until(lambda: "stopping: claiming nothing more" in own.worker.log, "the supervisor to obey")
        os.kill(own.worker.supervisor, number)
        assert own.worker.wait(PROMPT_SECONDS) == code
        assert not any(map(faults.lives, children))
        in_line(own, handle)
        if number is signal.SIGTERM:
            runs_at_last(own, handle)


def test_the_third_signal_kills_even_while_the_engine_does_not_answer(tmp_path: Path) -> None:
    with standing(tmp_path, "signals", "solo") as own:
        handle = running(own)
        children = own.worker.children()
        with turn_held(tmp_path):
            for words in ("stopping: claiming nothing more", "forced:"):
                os.kill(own.worker.supervisor, signal.SIGTERM)
                own.until(lambda words=words: words in own.worker.log, "the supervisor to obey")
            os.kill(own.worker.supervisor, signal.SIGTERM)
            assert own.worker.wait(PROMPT_SECONDS) == 143
            assert "killed by a third signal" in own.worker.log
            assert not any(map(faults.lives, children))
        (tmp_path / "gate").touch()
        with own.new_worker():
            handle.get(60)


@contextmanager
def turn_held(folder: Path) -> Iterator[None]:
    """Nobody else can write to the engine inside the block."""
    with (folder / "jobs.db-turn").open("r+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


# -- other signals


@every_pool
def test_quit_writes_into_the_log_where_everything_stands(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "signals", pool) as own:
        running(own)
        before = own.child
        os.kill(own.worker.supervisor, signal.SIGQUIT)
        own.until(lambda: stands_in("wait_for", own.worker.log), "the running task's line")
        own.until(lambda: "stacks of the supervisor" in own.worker.log, "the supervisor's stacks")
        assert f"stacks of process {before}" in own.worker.log
        (tmp_path / "gate").touch()
        own.serves()
        assert own.child == before


@every_pool
def test_quit_tells_where_a_process_stands_that_holds_the_interpreter(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "signals", pool) as own:
        running(own, "hold")
        os.kill(own.worker.supervisor, signal.SIGQUIT)
        own.until(lambda: stands_in("hold", own.worker.log), "the running task's line", PROMPT_SECONDS)


def stands_in(task: str, log: str) -> bool:
    """Whether it names a line of this task."""
    return re.search(rf"signals\.py.{{1,10}}line \d+.{{1,10}}(async_)?{task}", log) is not None


@every_pool
def test_a_task_that_takes_the_signals_for_itself_makes_nobody_deaf(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "signals", pool) as own:
        own.send_plain("deafen").get(60)
        assert own.value("soft") == "interrupted"
        own.serves()
        assert own.worker.stop(PROMPT_SECONDS) == 0


# -- a rolling restart


@every_pool
def test_a_rolling_restart_delays_no_job_by_more_than_its_own_time(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "signals", pool) as own:
        old = own.child
        long = [running(own, mark=f"mark-{n}") for n in range({"solo": 1}.get(pool, 3))]
        waiting = [own.send("short", 0.01) for _ in range(20)]
        with own.new_worker() as new:
            own.worker.terminate()
            later = [own.send("short", 0.01) for _ in range(20)]
            assert all(handle.get(60) for handle in waiting + later)
            assert {handle.get(60) for handle in later} <= {old, *new.children()}
            (tmp_path / "gate").touch()
            assert {handle.get(60) for handle in long} == {old}
            assert own.worker.wait(PROMPT_SECONDS) == 0
            attempts = {own.job(handle).attempt for handle in long + waiting + later}
            assert attempts == {1}


# -- deaths


@pytest.mark.parametrize(
    ("pool", "name"), [*((pool, "wait_for") for pool in POOLS), ("solo", "hold"), ("async", "hold")]
)
def test_the_processes_of_a_killed_supervisor_end_within_a_second(
    pool: str, name: str, tmp_path: Path
) -> None:
    """Of a few tries one must be within it, as the machine may be busy."""
    with standing(tmp_path, "signals", pool) as own:
        lags: list[float] = []
        while len(lags) < 4 and not any(lag < 1.0 for lag in lags):
            if lags:
                own.worker.close()
                own.worker = own.new_worker().start()
            lags.append(lag_of_the_end(own, name, f"mark-{len(lags)}"))
        assert min(lags) < 1.0, lags


def lag_of_the_end(own: Standing, name: str, mark: str) -> float:
    """How long after its supervisor the last process was gone."""
    running(own, name, mark)
    children = own.worker.children()
    own.worker.kill_supervisor()
    began = time.monotonic()
    own.worker.until(lambda: not any(map(faults.lives, children)), "the end of its processes")
    return time.monotonic() - began


@every_pool
def test_nothing_is_left_of_processes_that_died_or_ended(pool: str, tmp_path: Path) -> None:
    """Neither zombies nor descriptors in the supervisor, nor files nor locks after it."""
    with standing(tmp_path, "signals", pool) as own:
        supervisor = own.worker.supervisor
        own.serves()
        kill_and_replace(own)
        before = descriptors(supervisor)
        for _ in range(3):
            kill_and_replace(own)
        own.until(lambda: descriptors(supervisor) == before, f"{before} descriptors again")
        assert faults.family_of(supervisor) == [supervisor, own.child]
        assert zombies(supervisor) == []
        assert own.worker.stop(PROMPT_SECONDS) == 0
        with (tmp_path / "jobs.db-turn").open("r+") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left = {file.name for file in tmp_path.iterdir()} - {"signals.py", "__pycache__"}
        assert all(name.startswith("jobs.db") for name in left)


def kill_and_replace(own: Standing) -> None:
    old = own.worker.kill_child()
    own.until(lambda: own.worker.ready() not in ([], [old]), "another process")
    own.serves()


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def zombies(parent: int) -> list[int]:
    def is_zombie(stat: str) -> bool:
        state, its_parent = stat.rpartition(")")[2].split()[:2]
        return state == "Z" and int(its_parent) == parent

    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if is_zombie(stat_of(pid))]


def stat_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "gone) X 0"
