"""The benchmarks run, each at a very small size: how large their numbers are is no business of a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import page, piece, table  # noqa: E402
from benchmarks.figures import Figure, Line, Pair, Target, everywhere, figure  # noqa: E402
from benchmarks.floors.floor import rows  # noqa: E402
from benchmarks.ground import GROUNDS, Ground  # noqa: E402
from benchmarks.peers import report  # noqa: E402
from benchmarks.piece import Piece  # noqa: E402
from benchmarks.run import measured  # noqa: E402
from benchmarks.scale import TINY  # noqa: E402
from benchmarks.scenarios import ALL  # noqa: E402
from tests import servers  # noqa: E402

COLUMNS = 80
MAY_BE_NOTHING = {"... its growth", "... most growth of one", "a waiting job"} | {
    line.name for line in ALL["stop"].lines if "starts" in line.name
}
SERVED = ("send", "map", "drain", "latency", "backlog", "size")
ON = {
    "sqlite": tuple(name for name in ALL if name != "size"),
    "postgres": SERVED,
    "redis": SERVED,
    "redis-everysec": ("send",),
}
"""What is tried on each engine: on those with a server only what goes about them in ways of its own."""


@pytest.fixture(scope="module", params=GROUNDS)
def here(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """The server is one for all tests of its engine."""
    engine: str = request.param
    if engine == "sqlite":
        yield Ground(engine, "")
        return
    with servers.url_of(engine.partition("-")[0]) as url:
        yield Ground(engine, url)


@pytest.mark.parametrize(
    ("here", "name"), [(engine, name) for engine in GROUNDS for name in ON[engine]], indirect=["here"]
)
def test_a_scenario_yields_a_number_for_each_of_its_lines(here: Ground, name: str) -> None:
    if name == "size" and (why := servers.missing(here.system)):
        pytest.skip(why)  # it needs a server of its own
    figures = list(measured([ALL[name]], here, TINY))
    assert {f.name for f in figures} <= {line.name for line in ALL[name].lines}
    assert len(figures) == len(ALL[name].lines) or name == "send"
    for f in figures:
        assert f.ours.median > 0 or f.unit == "% CPU" or f.name in MAY_BE_NOTHING, f
        assert f.floor is None or f.floor.median > 0 or f.name in MAY_BE_NOTHING, f
        assert (f.verdict == "") == (f.target is None), f


def test_a_floor_claims_what_waits_once(here: Ground) -> None:
    with here.fresh() as place, closing(here.floor(place)) as floor:
        floor.fill([(id, b"{}") for id, _ in rows(5, 50)])
        first = floor.exchange([], 3)
        second = floor.exchange([("2", 1.0, 2.0, ref) for ref, _ in first], 3)
        assert (len(first), len(second)) == (3, 2)
        assert len({ref for ref, _ in [*first, *second]}) == 5
        assert floor.exchange([("2", 1.0, 2.0, ref) for ref, _ in second], 3) == []


def test_a_line_of_the_table_fits_the_terminal() -> None:
    rows = [table.heading(), *table.lines(_figure(at_least=0.85, ours=(1_234_567.0, 2_345_678.0)))]
    assert len(rows) == 3
    assert all(len(row) <= COLUMNS for row in [*rows, *table.FOOT.splitlines()])


@pytest.mark.parametrize("engine", GROUNDS)
def test_every_target_fits_its_column(engine: str) -> None:
    for scenario in ALL.values():
        for line in scenario.lines:
            row, *_ = table.lines(figure(engine, scenario.name, line, [Pair(1.0, 1.0)]))
            assert len(row) <= COLUMNS, row


def test_the_ratio_is_taken_within_each_round() -> None:
    pairs = [Pair(10.0, 20.0), Pair(100.0, 50.0), Pair(30.0, 30.0)]
    found = figure("sqlite", "send", Line("x", "/s"), pairs)
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
    text = page.text([_piece(_figure(at_least=0.85, ours=(1.0, 1.0)))], None)
    missed = text.partition("What was missed")[2].partition("| | |")[0]
    assert "send one by one" in missed
    assert "`the command`" in text


def test_a_piece_is_read_as_it_was_written() -> None:
    made = _piece(_figure(at_least=0.85, ours=(1.0, 2.0)))
    assert msgspec.json.decode(piece.as_json(made), type=Piece) == made


@pytest.mark.skipif(not piece.kept(), reason="nothing was measured yet: python -m benchmarks --write")
def test_the_page_is_what_was_measured() -> None:
    assert page.FILE.read_text("utf-8") == page.text(piece.kept(), report.kept()), (
        "run python -m benchmarks --write"
    )


def _piece(figure: Figure) -> Piece:
    return Piece("sqlite", "the command", "a floor", {"kernel": "K"}, TINY, [figure])


def _figure(at_least: float, ours: tuple[float, ...]) -> Figure:
    line = Line("send one by one, durable", "/s", everywhere(Target(at_least, by="ratio")))
    return figure("sqlite", "send", line, [Pair(value, 9_999_999.0) for value in ours])
