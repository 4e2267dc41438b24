"""Values as people read them: times, durations, tables that fit the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import click
import msgspec

NARROWEST = 8
_GAP = "  "


class Column(NamedTuple):
    """A column of a table. `right` aligns numbers; a shortened cell `keeps` its start or its end."""

    title: str
    right: bool = False
    keeps: str = "start"
    shrinks: bool = False


def visible(text: str) -> str:
    """The text with control characters, and all else that a terminal could obey, escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def terminal_width() -> int:
    """COLUMNS, else the width of the terminal, else 80."""
    import shutil  # here: it loads compressors, and a worker starts without any

    return shutil.get_terminal_size((80, 24)).columns


def shorten(text: str, width: int, keeps: str = "start") -> str:
    """At most `width` characters, an ellipsis where some were left out."""
    if len(text) <= width:
        return text
    return "…" + text[len(text) - width + 1 :] if keeps == "end" else text[: width - 1] + "…"


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their titles; the columns that shrink do so until a line fits the terminal."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max([len(c.title), *(len(row[i]) for row in cells)]) for i, c in enumerate(columns)]
    _shrink(widths, columns, terminal_width())
    for row in [[c.title for c in columns], *cells]:
        click.echo(_line(row, columns, widths))


def _shrink(widths: list[int], columns: Sequence[Column], most: int) -> None:
    """Take from the widest column that shrinks, until the line fits or nothing is left to take."""
    able = [i for i, column in enumerate(columns) if column.shrinks]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > most:
        widest = max(able, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1


def _line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = []
    for cell, column, width in zip(row, columns, widths, strict=True):
        text = shorten(cell, width, column.keeps)
        cells.append(text.rjust(width) if column.right else text.ljust(width))
    return shorten(_GAP.join(cells).rstrip(), terminal_width())


def document(data: Any) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())


def duration(seconds: float) -> str:
    """In the unit that suits it: 12 ms, 3.4 s, 5 min, 2 h, 4 d."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.{1 if seconds < 10 * size else 0}f}".removesuffix(".0") + f" {unit}"
    return f"{seconds / 86_400:.0f} d"


def moment(seconds: float) -> str:
    """A moment in local time, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def with_age(seconds: float, now: float) -> str:
    """A moment in local time and how far it lies from now."""
    if seconds > now:
        return f"{moment(seconds)} (in {duration(seconds - now)})"
    return f"{moment(seconds)} ({duration(now - seconds)} ago)"


def count(number: int, one: str, many: str = "") -> str:
    """`1 job`, `2 jobs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
