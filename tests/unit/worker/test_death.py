"""What the end of a process says of the jobs it ran."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from specimens import death

from cardoon.worker import exits


@pytest.mark.parametrize(
    "how",
    [
        {"code": -signal.SIGSEGV},
        {"code": -signal.SIGKILL},
        {"code": 0},
        {"code": 3},
        {"code": exits.CRASHED},
        {"code": exits.ORPHANED},
    ],
)
def test_an_end_that_nobody_ordered_is_a_crash(how: dict[str, Any]) -> None:
    assert death(**how).crashed


@pytest.mark.parametrize(
    "how",
    [
        {"code": 0, "orderly": True},
        {"code": 1, "orderly": True},
        {"code": -signal.SIGKILL, "forced": True},
        {"code": -signal.SIGKILL, "overtime": True},
        {"code": exits.PASSED_LIMIT},
        {"code": exits.STUCK},
    ],
)
def test_an_end_on_purpose_or_for_the_engine_is_none(how: dict[str, Any]) -> None:
    assert not death(**how).crashed


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-11, "signal 11 (SIGSEGV)"),
        (-9, "signal 9 (SIGKILL)"),
        (-63, "signal 63"),
    ],
)
def test_the_cause_is_said_in_words(code: int, words: str) -> None:
    assert death(code=code).cause == words


def test_the_evidence_holds_all_that_was_found() -> None:
    lines = tuple(f"line {number}" for number in range(30))
    text = death(code=-11, stack="Fatal Python error: Segmentation fault", log=lines).evidence
    assert text.startswith("process ended by signal 11 (SIGSEGV), peak memory 64 MiB")
    assert "Fatal Python error" in text
    assert text.endswith("line 29")
    assert "line 9\n" not in text
    assert death(code=3).evidence == "process ended by exit code 3, peak memory 64 MiB"
