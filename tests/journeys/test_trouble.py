"""Tasks that raise, return, change or leave behind what they should not: each ends in a named state,
and the worker goes on.

One worker of each pool serves all of them, one after the other.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from standing import POOLS, Standing, standing

from cardoon.model.job import Job
from cardoon.model.states import State
from cardoon.testing import faults


@pytest.fixture(scope="module", params=POOLS)
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp(request.param), "trouble", request.param) as made:
        yield made


def failed(job: Job) -> str:
    """The error of a job that failed at its first attempt, as text."""
    assert (job.state, job.attempt, job.retries, job.crashes) == (State.FAILED, 1, 0, 0), job
    return str(job.error)


# -- what it raises

RAISED = {
    "SystemExit": "SystemExit: enough",
    "KeyboardInterrupt": "KeyboardInterrupt",
    "GeneratorExit": "GeneratorExit",
    "CancelledError": "CancelledError",
    "StopIteration": "StopIteration",
    "StopAsyncIteration": "StopAsyncIteration",
    "Beyond": "Beyond: the usual",
    "Mute": "Mute: <str() of Mute raised RuntimeError>",
    "Shapeless": "Shapeless: <str() of Shapeless raised RuntimeError>",
    "Heavy": "Heavy: (<unlocked _thread.lock object",
    "MemoryError": "MemoryError",
    "Cyclic": "Cyclic: <str() of Cyclic raised RecursionError>",
    "ExceptionGroup": "ExceptionGroup: both",
}


@pytest.mark.parametrize("kind", RAISED)
def test_whatever_a_body_raises_fails_its_job_alone(worker: Standing, kind: str) -> None:
    expected = RAISED[kind]
    if (worker.pool, kind) == ("async", "StopIteration"):
        expected = "RuntimeError: coroutine raised StopIteration"  # PEP 479
    process = worker.child
    assert failed(worker.run("throw", kind)).startswith(expected)
    worker.serves()
    assert worker.child == process


def test_sys_exit_fails_the_job_and_not_the_process(worker: Standing) -> None:
    process = worker.child
    assert failed(worker.run("leave_politely")) == "SystemExit: 3"
    worker.serves()
    assert worker.child == process


def test_a_recursion_without_end_fails_its_job(worker: Standing) -> None:
    assert failed(worker.run("recurse")).startswith("RecursionError: maximum recursion depth")
    worker.serves()


def test_a_flood_of_memory_fails_its_job_where_the_system_bounds_the_process(worker: Standing) -> None:
    child = worker.child
    with faults.memory_limit(address_space(child) + 128 * 2**20, child):
        assert failed(worker.run("flood")) == "MemoryError"
        worker.serves()
    assert worker.child == child


def address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


# -- what it returns


@pytest.mark.parametrize("name", ["give_object", "give_trap"])
def test_what_cannot_be_stored_is_said_and_the_body_is_not_repeated(worker: Standing, name: str) -> None:
    job = worker.run(name)
    assert (job.state, job.attempt) == (State.RESULT_LOST, 1)
    assert "cannot be stored" in job.note
    assert name in job.note
    worker.serves()


def test_a_result_beyond_the_limit_is_not_stored_and_both_sizes_are_said(worker: Standing) -> None:
    job = worker.run("give_much", 100_000_000)
    assert (job.state, job.attempt) == (State.RESULT_LOST, 1)
    assert re.search(r"is 1\d\d,\d{3},\d{3} bytes, the limit is 1,048,576", job.note)
    worker.serves()


# -- what it changes

CHANGES = [
    "forget_the_environment",
    "silence_logging",
    "close_standard_descriptors",
    "turn_off_collection",
    "forget_modules",
    "close_output",
]


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_task_changes_in_its_process_does_not_stop_it(worker: Standing, name: str) -> None:
    process = worker.child
    job = worker.run(name)
    assert (job.state, job.attempt) == (State.SUCCEEDED, 1), job
    worker.serves()
    assert "Mute: <str()" in failed(worker.run("throw", "Mute"))  # what fails writes a line of the log
    worker.serves()
    assert worker.child == process


def test_a_recursion_limit_that_is_too_low_does_not_stop_the_process(worker: Standing) -> None:
    job = worker.run("lower_the_recursion_limit")
    assert job.final
    worker.serves()


def test_the_engine_is_found_again_from_another_directory(worker: Standing, tmp_path: Path) -> None:
    """Also by a process that must connect anew; nothing is written where it is now."""
    assert worker.value("move_away", str(tmp_path)) == str(tmp_path)
    worker.serves()
    worker.value("let_go_of_the_engine")
    worker.serves()
    assert list(tmp_path.iterdir()) == []
    worker.value("come_back", str(worker.folder))
    worker.serves()


# -- what it reads and prints


def test_the_input_of_a_task_is_empty(worker: Standing) -> None:
    assert worker.value("read_input") == ""
    worker.serves()


@pytest.mark.parametrize("pool", POOLS)
def test_a_hundred_megabytes_of_output_are_passed_on(pool: str, tmp_path: Path) -> None:
    with standing(tmp_path, "trouble", pool) as quiet:
        quiet.worker.stop()
        printing = subprocess.Popen(
            [sys.executable, "-m", "cardoon", "worker", "trouble:app", "-p", "1", *POOLS[pool]],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        handle = quiet.send("print_much", 100)
        printed = 0
        assert printing.stdout is not None
        with printing.stdout:
            while printed < 100 * 2**20:
                printed += len(os.read(printing.stdout.fileno(), 2**20)) or pytest.fail("it ended early")
            assert handle.get(60) is None
            assert quiet.send("fine").get(60) == "fine"
            printing.terminate()
            assert printing.wait(60) == 0


# -- what it leaves behind


def test_threads_that_never_end_hold_up_no_job(worker: Standing) -> None:
    worker.value("start_threads", 3)
    worker.serves()


def test_a_forked_child_that_outlives_its_job_takes_nothing_with_it(worker: Standing) -> None:
    child = worker.value("fork_and_leave")
    try:
        worker.serves()
        assert faults.lives(child)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("name", ["fork_and_return", "fork_and_raise"])
def test_a_forked_child_that_comes_back_from_the_task_is_no_second_worker(
    worker: Standing, name: str
) -> None:
    process = worker.child
    assert worker.value(name).startswith("the parent, after a child with")
    worker.serves()
    assert worker.child == process
    assert faults.children_of(process) == []


@pytest.mark.parametrize("pool", POOLS)
def test_a_process_that_a_task_left_is_ended_after_a_crash_and_warned_about_at_an_orderly_end(
    pool: str, tmp_path: Path
) -> None:
    with standing(tmp_path, "trouble", pool) as own:
        left = own.value("start_process")
        own.run("leave_with", 3)
        own.until(lambda: not faults.lives(left), "the end of what was left behind")
        left = own.value("start_process")
        try:
            assert own.worker.stop() == 0
            assert "left processes behind" in own.worker.log
            assert faults.lives(left)
        finally:
            os.kill(left, signal.SIGKILL)
