"""Figures as a table of 80 columns; under each median the least and the most of its rounds."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure, Spread, Target

WIDTHS = (25, 13, 13, 10, 10, 4)
TITLES = ("", "cardoon", "floor", "ratio", "target", "met")
FOOT = """\
Medians; under them the least and the most of the rounds. ratio: cardoon / floor
within a round. x: times the floor. tie: missed by less than 10 %, which is the
noise of a quiet machine."""


def heading() -> str:
    """The line of titles."""
    return _row(TITLES)


def lines(figure: Figure) -> Iterator[str]:
    """The lines of one figure."""
    target = "" if figure.target is None else _target(figure.target)
    middles = [_number(s.median, figure) if s else "-" for s in (figure.ours, figure.floor)]
    ratio = f"{figure.ratio.median:.2f}" if figure.ratio else "-"
    gap = "" if figure.unit.startswith("/") else " "
    middles = [f"{text}{gap}{figure.unit}".rstrip() if text != "-" else text for text in middles]
    yield _row((figure.name, *middles, ratio, target, figure.verdict or "-"))
    if figure.ours.least != figure.ours.most:
        yield _row(
            ("", _ends(figure.ours, figure), _ends(figure.floor, figure), _ratios(figure.ratio), "", "")
        )


def _row(cells: tuple[str, ...]) -> str:
    name, *rest = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    )
    return " ".join([name, *rest]).rstrip()


def _number(value: float, figure: Figure) -> str:
    return f"{value:,.{figure.places}f}"


def _ends(spread: Spread | None, figure: Figure) -> str:
    if spread is None:
        return ""
    if spread.most >= 10_000:
        return f"{spread.least / 1000:.1f}..{spread.most / 1000:.1f}k"
    return f"{_number(spread.least, figure)}..{_number(spread.most, figure)}"


def _ratios(spread: Spread | None) -> str:
    return f"{spread.least:.2f}..{spread.most:.2f}" if spread else ""


def _target(target: Target) -> str:
    sign = "<=" if target.at_most else ">="
    value = f"{target.value:,.2f}".rstrip("0").rstrip(".")
    return f"{sign} {value}{' x' if target.by == 'ratio' else ''}"
