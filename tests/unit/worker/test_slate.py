"""What a process leaves for its supervisor to read."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cardoon
from cardoon.worker.slate import Noted, Slate


@pytest.fixture
def slate() -> Iterator[Slate]:
    made = Slate()
    yield made
    made.close()


@pytest.fixture
def other(slate: Slate) -> Iterator[Slate]:
    """The same, as the other process has it."""
    opened = Slate(os.dup(slate.descriptor))
    yield opened
    opened.close()


def test_a_new_one_is_blank(slate: Slate) -> None:
    assert slate.deadline == (0.0, 0.0, "")
    assert slate.lines() == []
    assert slate.stack() == ""


def test_a_deadline_counts_once_it_has_passed(slate: Slate) -> None:
    slate.deadline = (12.5, 0.4, "a-job")
    assert slate.passed(12.4) == (0.0, 0.0, "")
    assert slate.passed(12.5) == (12.5, 0.4, "a-job")


def test_what_one_side_writes_the_other_reads(slate: Slate, other: Slate) -> None:
    slate.deadline = (12.5, 0.4, "a-job")
    slate.write("a line")
    assert other.deadline == (12.5, 0.4, "a-job")
    assert other.lines() == ["a line"]
    slate.deadline = (0.0, 0.0, "")
    assert other.deadline == (0.0, 0.0, "")


def test_a_name_that_is_too_long_is_cut(slate: Slate) -> None:
    slate.deadline = (1.0, 2.0, "ä" * 300)
    moment, seconds, id = slate.deadline
    assert (moment, seconds) == (1.0, 2.0)
    assert id.startswith("ä" * 100)


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=900), max_size=40))
def test_the_last_whole_lines_are_kept_in_order(lines: list[str]) -> None:
    slate = Slate()
    try:
        for line in lines:
            slate.write(line)
        kept = slate.lines()
    finally:
        slate.close()
    assert kept == lines[len(lines) - len(kept) :]
    assert len(kept) == len(lines) or sum(len(line) + 1 for line in kept) > 4096 - 2 * 901


def test_a_line_that_is_too_long_keeps_its_end(slate: Slate) -> None:
    slate.write("x" * 5000 + "the end")
    (line,) = slate.lines()
    assert line.endswith("xthe end")
    assert len(line) == 1024


def test_one_may_read_while_the_other_writes(slate: Slate, other: Slate) -> None:
    def write() -> None:
        for number in range(3000):
            slate.write(f"line {number} {'x' * (number % 200)}")

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        other.lines()
    writer.join()
    assert other.lines()[-1].startswith("line 2999")


def test_a_formatter_leaves_a_copy_of_each_line(slate: Slate) -> None:
    noted = Noted(logging.Formatter("%(levelname)s %(message)s"), slate)
    record = logging.LogRecord("any", logging.WARNING, __file__, 1, "about to %s", ("fall",), None)
    assert noted.format(record) == "WARNING about to fall"
    assert slate.lines() == ["WARNING about to fall"]


CRASHING = """
import ctypes, faulthandler, sys
from cardoon.worker.slate import Slate
slate = Slate(int(sys.argv[1]))
faulthandler.enable(slate.stack_file)
slate.deadline = (1.0, 2.0, "mine")
slate.write("the last line")
def the_guilty_one():
    ctypes.string_at(0)
the_guilty_one()
"""


def test_a_crashing_interpreter_tells_where_it_stood_and_the_rest_is_still_there(slate: Slate) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASHING, str(slate.descriptor)], pass_fds=[slate.descriptor]
    )
    assert done.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in slate.stack()
    assert "in the_guilty_one" in slate.stack()
    assert slate.lines() == ["the last line"]
    assert slate.deadline == (1.0, 2.0, "mine")


def test_a_stack_ends_where_the_work_began(slate: Slate) -> None:
    """What called the process is not of the job, such as the command that its supervisor was forked from."""
    package = Path(cardoon.__file__).parent
    lines = [
        "Fatal Python error: Segmentation fault",
        '  File "mine.py", line 1 in guilty',
        f'  File "{package}/worker/execution.py", line 1 in _call',
        f'  File "{package}/worker/process.py", line 1 in run',
        '  File "click/core.py", line 1 in main',
        "Extension modules: msgspec._core (total: 1)",
    ]
    os.write(slate.stack_file, "\n".join(lines).encode())
    assert slate.stack().splitlines() == lines[:2]
