"""demo.csv: a line for each file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import click

from cardoon.cli.demo.tally import Row
from cardoon.cli.text import visible

NAME = "demo.csv"
COLUMNS = ("path", "lines", "words", "sha256", "functions", "classes", "state", "error")


def target() -> Path:
    """Where to write it: into the current directory, over nothing but an earlier one.

    Raises ClickException when that is impossible, so that it is known before the work.
    """
    try:
        path = Path.cwd() / NAME
        is_free = not os.path.lexists(path) or _is_ours(path)
    except OSError as error:
        raise click.ClickException(f"{NAME} cannot be written here: {error.strerror}") from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise click.ClickException(f"{visible(str(path.parent))} cannot be written to, where {NAME} would go")
    if not is_free:
        raise click.ClickException(f"there is another {NAME} here, not made by a demo: move it away first")
    return path


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.readline().strip() in ("", ",".join(COLUMNS))


def write(path: Path, rows: list[Row]) -> None:
    """Write it beside its place and then put it there, so that half of one is never seen."""
    part = path.with_name(f".{NAME}.{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(map(_cells, rows))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _cells(row: Row) -> tuple[object, ...]:
    numbers = row.numbers
    if numbers is None:
        return (row.path, "", "", "", "", "", row.state, row.error)
    counts = (numbers.lines, numbers.words, numbers.sha256, numbers.functions, numbers.classes)
    return (row.path, *counts, row.state, row.error)
