"""`python -m benchmarks`, from the root of the checkout."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import click
import msgspec

from benchmarks import machine, page, table
from benchmarks.figures import Figure
from benchmarks.run import measured
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.scenarios import ALL, LONG


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(ALL)), help="Only this scenario.")
@click.option("--full", is_flag=True, help="Those that take a minute, too: " + ", ".join(sorted(LONG)) + ".")
@click.option("--quick", is_flag=True, help="One short round: to see that it works, not to believe it.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures to this file.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks.md.")
def main(only: tuple[str, ...], full: bool, quick: bool, file: Path | None, write: bool) -> None:
    """Measure Cardoon beside what this machine allows."""
    logging.getLogger("cardoon").setLevel(logging.ERROR)  # that jobs wait for a worker is meant here
    scale = QUICK if quick else FULL
    begun, facts = time.monotonic(), machine.facts()
    for name, value in facts.items():
        click.echo(f"{name:<12} {value}")
    figures = _print(only or _usual(full), scale)
    click.echo(f"\n{table.FOOT}\nmeasured in {time.monotonic() - begun:.0f} s")
    if file:
        report = {"machine": facts, "scale": scale, "figures": figures}
        file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    if write:
        page.FILE.write_text(page.text(figures, facts, scale, _command(only, full, quick)))


def _usual(full: bool) -> tuple[str, ...]:
    return tuple(name for name in ALL if full or name not in LONG)


def _command(only: tuple[str, ...], full: bool, quick: bool) -> str:
    """What to type for the same page; without the paths of this machine."""
    flags = [*["--full"] * full, *["--quick"] * quick]
    return " ".join(["python -m benchmarks --write", *(f"--only {name}" for name in only), *flags])


def _print(names: tuple[str, ...], scale: Scale) -> list[Figure]:
    """Measure, and print each figure as soon as there is one."""
    click.echo(f"\n{table.heading()}")
    figures = []
    for figure in measured([ALL[name] for name in names], scale):
        figures.append(figure)
        for row in table.lines(figure):
            click.echo(row)
        sys.stdout.flush()
    return figures


if __name__ == "__main__":
    main()
