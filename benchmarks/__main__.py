"""`python -m benchmarks`, from the root of the checkout."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import click

from benchmarks import machine, page, piece, place, table
from benchmarks.figures import Figure
from benchmarks.ground import GROUNDS, Ground, ground, missing
from benchmarks.peers import report
from benchmarks.piece import Piece
from benchmarks.run import measured
from benchmarks.scale import FULL, QUICK, USUAL, Scale
from benchmarks.scenarios import ALL, LONG


@click.command()
@click.option("--engine", "engines", multiple=True, type=click.Choice(GROUNDS), help="Only this engine.")
@click.option("--only", multiple=True, type=click.Choice(list(ALL)), help="Only this scenario.")
@click.option("--full", is_flag=True, help="At full size, and also: " + ", ".join(sorted(LONG)) + ".")
@click.option("--quick", is_flag=True, help="One short round: to see that it works, not to believe it.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures to this file.")
@click.option("--write", is_flag=True, help="Keep the figures in docs/figures, and write docs/benchmarks.md.")
def main(
    engines: tuple[str, ...], only: tuple[str, ...], full: bool, quick: bool, file: Path | None, write: bool
) -> None:
    """Measure Cardoon on each engine beside what this machine allows."""
    logging.getLogger("cardoon").setLevel(logging.ERROR)  # that jobs wait for a worker is meant here
    place.on_disk()
    begun, names = time.monotonic(), only or _usual(full)
    flags = [*(f"--only {name}" for name in only), *["--full"] * full, *["--quick"] * quick]
    pieces = []
    for engine in engines or _present():
        made = _measure(engine, names, _scale(full, quick), " ".join(flags))
        pieces.append(made)
        if write:
            piece.write(made)
            page.FILE.write_text(page.text(piece.kept(), report.kept()))
    click.echo(f"\n{table.FOOT}\nmeasured in {time.monotonic() - begun:.0f} s")
    if file:
        file.write_bytes(piece.as_json(pieces))


def _usual(full: bool) -> tuple[str, ...]:
    return tuple(name for name in ALL if full or name not in LONG)


def _scale(full: bool, quick: bool) -> Scale:
    return QUICK if quick else FULL if full else USUAL


def _present() -> list[str]:
    """The engines that this machine has; what is missing of the others is said."""
    present = []
    for engine in GROUNDS:
        if why := missing(engine):
            click.echo(f"{engine} is left out: {why}")
        else:
            present.append(engine)
    return present


def _measure(engine: str, names: tuple[str, ...], scale: Scale, flags: str) -> Piece:
    with ground(engine) as here:
        facts = machine.facts(here)
        click.echo(f"\n{page.TITLES[engine]}")
        for name, value in facts.items():
            click.echo(f"{name:<12} {value}")
        figures = _print(names, here, scale)
        command = f"python -m benchmarks --write --engine {engine} {flags}".strip()
        return Piece(engine, command, here.kind.sentence, facts, scale, figures)


def _print(names: tuple[str, ...], here: Ground, scale: Scale) -> list[Figure]:
    """Measure, and print each figure as soon as there is one."""
    click.echo(f"\n{table.heading()}")
    figures = []
    for figure in measured([ALL[name] for name in names], here, scale):
        figures.append(figure)
        for row in table.lines(figure):
            click.echo(row)
        sys.stdout.flush()
    return figures


if __name__ == "__main__":
    main()
