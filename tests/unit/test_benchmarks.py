"""The benchmarks run, each at a very small size: how large their numbers are is no business of a test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import page, table  # noqa: E402
from benchmarks.figures import Figure, Line, Pair, Target, figure  # noqa: E402
from benchmarks.run import measured  # noqa: E402
from benchmarks.scale import TINY  # noqa: E402
from benchmarks.scenarios import ALL  # noqa: E402

COLUMNS = 80
MAY_BE_NOTHING = {"... its growth", "... most growth of one"} | {
    line.name for line in ALL["stop"].lines if "claims" in line.name
}


@pytest.mark.parametrize("name", ALL)
def test_a_scenario_yields_a_number_for_each_of_its_lines(name: str) -> None:
    figures = list(measured([ALL[name]], TINY))
    assert [f.line.name for f in figures] == [line.name for line in ALL[name].lines]
    for f in figures:
        assert f.ours.median > 0 or f.line.unit == "% CPU" or f.line.name in MAY_BE_NOTHING, f
        assert f.floor is None or f.floor.median > 0, f
        assert (f.verdict == "") == (f.line.target is None), f


def test_a_line_of_the_table_fits_the_terminal() -> None:
    rows = [table.heading(), *table.lines(_figure(at_least=0.85, ours=(1_234_567.0, 2_345_678.0)))]
    assert len(rows) == 3
    assert all(len(row) <= COLUMNS for row in [*rows, *table.FOOT.splitlines()])


def test_every_target_fits_its_column() -> None:
    for scenario in ALL.values():
        for line in scenario.lines:
            row, *_ = table.lines(figure(scenario.name, line, [Pair(1.0, 1.0)]))
            assert len(row) <= COLUMNS, row


def test_the_ratio_is_taken_within_each_round() -> None:
    pairs = [Pair(10.0, 20.0), Pair(100.0, 50.0), Pair(30.0, 30.0)]
    found = figure("send", Line("x", "/s"), pairs)
    assert found.ratio is not None
    assert (found.ratio.least, found.ratio.median, found.ratio.most) == (0.5, 1.0, 2.0)


@pytest.mark.parametrize(
    ("target", "reached", "verdict"),
    [
        (Target(100), 100, "yes"),
        (Target(100), 91, "tie"),
        (Target(100), 89, "no"),
        (Target(2.0, at_most=True), 2.0, "yes"),
        (Target(2.0, at_most=True), 2.1, "tie"),
        (Target(2.0, at_most=True), 2.2, "no"),
    ],
)
def test_a_target_is_met_nearly_met_or_missed(target: Target, reached: float, verdict: str) -> None:
    assert target.verdict(reached) == verdict


def test_the_page_keeps_what_was_missed() -> None:
    text = page.text([_figure(at_least=0.85, ours=(1.0, 1.0))], {"kernel": "K"}, TINY, "the command")
    missed = text.partition("## What was missed")[2].partition("##")[0]
    assert "send one by one" in missed
    assert "`the command`" in text


def _figure(at_least: float, ours: tuple[float, ...]) -> Figure:
    line = Line("send one by one, durable", "/s", Target(at_least, by="ratio"))
    return figure("send", line, [Pair(value, 9_999_999.0) for value in ours])
