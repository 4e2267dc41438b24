"""`python -m benchmarks.peers`, from the root of the checkout."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from benchmarks import machine, page, piece, place
from benchmarks.peers import environments, report
from benchmarks.peers.kill import kill
from benchmarks.peers.measure import QUICK, USUAL, Measured, Size, measure
from benchmarks.peers.page import section
from benchmarks.peers.registry import SYSTEMS, System
from benchmarks.peers.report import Entry, Report
from benchmarks.peers.servers import Servers, servers


@click.command()
@click.option("--install", is_flag=True, help="Only install what is missing below .venv-peers.")
@click.option("--system", "names", multiple=True, help="Only systems of this name.")
@click.option("--kind", "kinds", multiple=True, help="Only on redis, postgres or sqlite.")
@click.option("--kill", "kills", is_flag=True, help="Also kill each worker once: half a minute for each.")
@click.option("--rounds", type=click.IntRange(0), help="How many rounds; 3 unless it is quick.")
@click.option("--quick", is_flag=True, help="One short round: to see that it works, not to believe it.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures to this file.")
@click.option("--write", is_flag=True, help="Keep the figures in docs/figures, and write docs/benchmarks.md.")
def main(
    install: bool,
    names: tuple[str, ...],
    kinds: tuple[str, ...],
    kills: bool,
    rounds: int | None,
    quick: bool,
    file: Path | None,
    write: bool,
) -> None:
    """Measure Cardoon and its peers side by side."""
    place.on_disk()
    signal.signal(signal.SIGTERM, _end)
    systems = [s for s in SYSTEMS if (not names or s.name in names) and (not kinds or s.kind in kinds)]
    if install:
        for name, why in environments.install(systems):
            click.echo(f"{name:<18} {why or 'installed'}")
        return
    size = QUICK if quick else USUAL
    size = msgspec.structs.replace(size, rounds=size.rounds if rounds is None else rounds)
    found = _run(systems, size, _command(names, kinds, rounds, kills, quick), kills=kills)
    click.echo("\n" + "\n".join(section(found)))
    if file:
        file.write_bytes(piece.as_json(found))
    if write:
        report.write(found)
        page.FILE.write_text(page.text(piece.kept(), found))


def _end(number: int, _frame: object) -> None:
    """Leave in order: workers lead sessions of their own and would stay."""
    sys.exit(128 + number)


def _command(
    names: tuple[str, ...], kinds: tuple[str, ...], rounds: int | None, kills: bool, quick: bool
) -> str:
    """What to type for the same, without the paths of this machine."""
    chosen = [*(f"--system {name!r}" for name in names), *(f"--kind {kind}" for kind in kinds)]
    flags = [*[f"--rounds {rounds}"] * (rounds is not None), *["--kill"] * kills, *["--quick"] * quick]
    return " ".join(["python -m benchmarks.peers --write", *chosen, *flags])


def _run(systems: Sequence[System], size: Size, command: str, *, kills: bool) -> Report:
    entries = [Entry(system, system.notes, environments.missing(system)) for system in systems]
    begun = time.monotonic()
    with servers() as given:
        for number in range(1, size.rounds + 1):
            for entry in entries:
                _round(entry, number, given, size)
        for entry in entries * kills:
            _kill(entry, given)
    click.echo(f"measured in {time.monotonic() - begun:.0f} s")
    return Report(command, machine.plain_facts(), size, entries)


def _round(entry: Entry, number: int, given: Servers, size: Size) -> None:
    """One that cannot be tried has no rounds; its reason is told on the page."""
    if entry.missing:
        return
    kind = entry.system.kind
    found = measure(entry.system, given.empty(kind), size, server=given.process(kind))
    entry.rounds.append(found)
    click.echo(f"{number} {kind:<9} {entry.system.name:<20} {_line(found)}")
    sys.stdout.flush()


def _kill(entry: Entry, given: Servers) -> None:
    if not entry.missing:
        entry.killed = kill(entry.system, given.empty(entry.system.kind))
        click.echo(f"  {entry.system.kind:<9} {entry.system.name:<20} {entry.killed}")
        sys.stdout.flush()


def _line(found: Measured) -> str:
    figures = "  ".join(f"{name} {value:,.2f}" for name, value in found.values.items())
    trouble = "  ".join(f"[{name}: {why}]" for name, why in found.trouble.items())
    return f"{figures}  {trouble}"


if __name__ == "__main__":
    main()
