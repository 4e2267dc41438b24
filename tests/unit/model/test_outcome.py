from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec
import pytest

from cardoon.model import outcome, retry
from cardoon.model.outcome import MESSAGE_LIMIT, TRACEBACK_LIMIT, ErrorReport
from cardoon.model.states import FINAL, State


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Unprintable(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no picture")


def raised(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_report_names_the_error_and_where_it_was_raised() -> None:
    def divide() -> float:
        return 1 / 0

    report = ErrorReport.of(raised(divide))
    assert (report.module, report.type, report.message) == (
        "builtins",
        "ZeroDivisionError",
        "division by zero",
    )
    assert "in divide" in report.traceback
    assert str(report) == "ZeroDivisionError: division by zero"


def test_a_nested_class_is_named_with_its_place() -> None:
    class Outer:
        class Inner(Exception):
            pass

    report = ErrorReport.of(Outer.Inner())
    assert report.type.endswith("Outer.Inner")
    assert str(report) == report.type


def test_an_error_without_words_of_its_own_is_still_reported() -> None:
    report = ErrorReport.of(Unspeakable())
    assert report.message == "<str() of Unspeakable raised RuntimeError>"
    assert "Unspeakable" in report.traceback


def test_an_error_with_a_note_that_cannot_be_printed_is_still_reported() -> None:
    error = Unprintable("x")
    error.__notes__ = [object()]  # type: ignore[list-item]
    report = ErrorReport.of(error)
    assert report.type == "Unprintable"
    assert report.traceback


def test_lone_surrogates_are_made_visible_so_that_they_can_be_stored() -> None:
    report = ErrorReport.of(ValueError("bad \udcff name"))
    assert report.message == "bad \\udcff name"
    assert b"udcff" in msgspec.json.encode(report)


def test_a_huge_traceback_keeps_its_end() -> None:
    report = ErrorReport.of(ValueError("x" * 10 * TRACEBACK_LIMIT + "the end"))
    assert len(report.traceback) <= TRACEBACK_LIMIT + 10
    assert report.traceback.startswith("[...]\n")
    assert report.traceback.endswith("the end\n")


def test_a_huge_message_keeps_its_beginning() -> None:
    report = ErrorReport.of(ValueError("the beginning" + "x" * 10 * MESSAGE_LIMIT))
    assert len(report.message) <= MESSAGE_LIMIT + 10
    assert report.message.startswith("the beginning")
    assert report.message.endswith("[...]")


def test_an_endless_recursion_is_reported_within_the_limits() -> None:
    def again() -> None:
        again()

    before = sys.getrecursionlimit()
    report = ErrorReport.of(raised(again))
    assert report.type == "RecursionError"
    assert len(report.traceback) <= TRACEBACK_LIMIT + 10
    assert sys.getrecursionlimit() == before


def test_the_frames_of_cardoon_above_the_task_are_dropped() -> None:
    source = "def run(task):\n    task()\n"
    machinery: dict[str, object] = {"__name__": "cardoon.worker.execution"}
    exec(compile(source, f"{outcome.PACKAGE}worker/execution.py", "exec"), machinery)

    def task() -> None:
        raise KeyError("lost")

    def start() -> None:
        machinery["run"](task)  # type: ignore[operator]

    error = raised(start)
    error.__traceback__ = error.__traceback__.tb_next.tb_next  # type: ignore[union-attr]
    text = ErrorReport.of(error).traceback
    assert "execution.py" not in text
    assert "in task" in text


def test_an_error_raised_inside_cardoon_keeps_its_frames() -> None:
    report = ErrorReport.of(raised(lambda: retry.RetryPolicy(backoff=1.0, backoff_max="x").delay_after(1)))  # type: ignore[arg-type]
    assert "delay_after" in report.traceback


def test_a_cause_is_told_too() -> None:
    def lookup() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    text = ErrorReport.of(raised(lookup)).traceback
    assert "KeyError: 'inner'" in text
    assert "ValueError: outer" in text


def test_a_report_survives_the_journey() -> None:
    report = ErrorReport.of(ValueError("x"), ["x", 1])
    assert msgspec.json.decode(msgspec.json.encode(report), type=ErrorReport) == report


@pytest.mark.parametrize(
    ("made", "state", "charged"),
    [
        (outcome.succeeded(b"1"), State.SUCCEEDED, True),
        (outcome.result_lost("why"), State.RESULT_LOST, True),
        (outcome.retrying(5.0, None), State.RETRYING, True),
        (outcome.failed(None), State.FAILED, True),
        (outcome.skipped("why"), State.SKIPPED, True),
        (outcome.returned(), State.READY, False),
        (outcome.parked("why"), State.PARKED, False),
    ],
    ids=lambda part: str(getattr(part, "state", part)),
)
def test_what_did_not_start_is_not_charged(made: outcome.Outcome, state: State, charged: bool) -> None:
    assert (made.state, made.charged) == (state, charged)
    assert charged or state not in FINAL
