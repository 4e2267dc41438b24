"""`python -m benchmarks.guard`, from the root of the checkout."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

import click

from benchmarks import machine, place
from benchmarks.ground import ENGINES, ground, missing
from benchmarks.guard import kept
from benchmarks.guard.kept import MARGIN, Counted
from benchmarks.guard.paths import JOBS, counted
from benchmarks.guard.steps import Steps
from benchmarks.page import TITLES

MEASURES = {
    "sqlite": "instructions of its virtual machine",
    "postgres": "bytes of its log",
    "redis": "commands, those in scripts too",
}
FOOT = f"""\
Per job, of {JOBS}: instructions of the Python interpreter, calls into C, and what
the engine does. A path that grew by more than {MARGIN:.0%} in any of them is refused;
one that was meant to is kept with --write."""
_WIDTHS = (30, 12, 8, 9, 16)


@click.command()
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINES), help="Only this engine.")
@click.option("--write", is_flag=True, help="Keep the counts in docs/figures.")
def main(engines: tuple[str, ...], write: bool) -> None:
    """Count what the hottest paths do, and refuse those that grew."""
    before, now, grown = kept.read(), {}, 0
    for engine in engines or ENGINES:
        if why := missing(engine):
            click.echo(f"{engine} is left out: {why}")
            continue
        now[engine] = _count(engine)
        grown += _show(engine, now[engine], None if write else before.get(engine))
    click.echo(f"\n{FOOT}")
    if write:
        kept.write(now)
    sys.exit(1 if grown else 0)


def _count(engine: str) -> Counted:
    with ground(engine) as here:
        return Counted(machine.versions(here), dict(counted(here)))


def _show(engine: str, now: Counted, before: Counted | None) -> int:
    """Print the table of an engine; how many of its paths grew too much."""
    click.echo(f"\n{TITLES[engine]} ({MEASURES[engine]})")
    if before and before.versions != now.versions:
        click.echo(f"Kept of {_told(before.versions)}:")
        click.echo(f"with {_told(now.versions)} nothing is refused.")
        before = None
    click.echo(_row("", "instructions", "calls", "engine", "grown by"))
    grown = 0
    for name, steps in now.paths.items():
        old = before.paths.get(name) if before else None
        by = kept.growth(steps, old) if old else None
        is_too_much = by is not None and by > MARGIN
        grown += is_too_much
        click.echo(_row(name, *_numbers(steps), _verdict(by, is_too_much)))
    return grown


def _verdict(by: float | None, is_too_much: bool) -> str:
    return "-" if by is None else f"{by:+.1%}{' REFUSED' * is_too_much}"


def _numbers(steps: Steps) -> tuple[str, str, str]:
    return f"{steps.instructions:,.0f}", f"{steps.calls:,.1f}", f"{steps.engine:,.1f}"


def _row(name: str, *cells: str) -> str:
    widths = zip(cells, _WIDTHS[1:], strict=True)
    return " ".join([name.ljust(_WIDTHS[0]), *(cell.rjust(width) for cell, width in widths)]).rstrip()


def _told(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


if __name__ == "__main__":
    logging.getLogger("cardoon").setLevel(logging.ERROR)  # that jobs wait for a worker is meant here
    place.on_disk()
    main()
