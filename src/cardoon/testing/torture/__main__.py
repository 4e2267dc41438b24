"""`python -m cardoon.testing.torture [--jobs N --kills N --seed N]`, `... zombies` and `... outages`."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from cardoon.model import clock
from cardoon.model.errors import CardoonError
from cardoon.testing.torture import outages, report, zombies
from cardoon.testing.torture.ground import SERVERS, Ground, prepared
from cardoon.testing.torture.run import run
from cardoon.testing.torture.setup import Setup

_SEEDS = 1_000_000
_ENGINE_HELP = "A place of its own; a server is killed and cut off too.  [sqlite]"

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def _shared(command: F) -> F:
    """The options that all commands have."""
    file, folder = click.Path(dir_okay=False, path_type=Path), click.Path(file_okay=False, path_type=Path)
    options = (
        click.option("--engine", type=click.Choice(["sqlite", *SERVERS]), help=_ENGINE_HELP),
        click.option("--url", help="An empty engine.  [a SQLite file of its own]"),
        click.option("--worker-args", default="", metavar="WORDS", help="More words for `cardoon worker`."),
        click.option("--json", "wants_json", is_flag=True, help="One JSON object instead of text."),
        click.option("--write", "file", type=file, help="Keep the JSON in this file."),
        click.option("--keep", type=folder, help="Keep ledgers and logs in this folder."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@click.option("--jobs", default=2_000, show_default=True, help="How many jobs the producers send.")
@click.option(
    "--kills", "--faults", default=20, show_default=True, help="How many kills they and the workers meet."
)
@click.option("--seed", type=int, help="Which jobs and which faults.  [drawn]")
@click.option("--workers", default=3, show_default=True, help="How many workers.")
@click.option("-p", "--processes", default=3, show_default=True, help="How many processes each of them has.")
@click.option("--longest-stop", default=30.0, show_default=True, help="Longest standstill, seconds.")
@click.option("--longest-outage", default=3.0, show_default=True, help="Longest outage of a server.")
@_shared
@click.pass_context
def main(
    ctx: click.Context,
    /,
    seed: int | None,
    wants_json: bool,
    file: Path | None,
    keep: Path | None,
    **how: Any,
) -> None:
    """Run jobs while their workers and senders are killed and stopped, and check what became of them.

    Exit code 1 when anything was lost, doubled or left over, 2 when it could not begin.
    """
    if ctx.invoked_subcommand is not None:
        return
    drawn = int(clock.full_jitter(_SEEDS)) if seed is None else seed
    with _setup(keep, seed=drawn, **how) as setup:
        found = _tried(lambda: run(setup, _tell))
    _end(report.as_json(found), report.as_text(found), found.ok, wants_json, file)


@main.command("zombies")
@click.option("--trials", default=40, show_default=True, help="How many zombies are tried.")
@click.option("--at-once", default=20, show_default=True, help="How many of them at a time.")
@click.option("-p", "--processes", default=20, show_default=True, help="How many processes hold them.")
@_shared
def _zombies(
    trials: int, at_once: int, wants_json: bool, file: Path | None, keep: Path | None, **how: Any
) -> None:
    """Let attempts that have lost their jobs try to write: state, result, progress, log, other jobs.

    Exit code 1 when any of it was accepted, 2 when it could not begin.
    """
    with _setup(keep, seed=0, kills=0, jobs=at_once, **how) as setup:
        found = _tried(lambda: zombies.trials(setup, trials, _tell))
    _end(zombies.as_json(found), zombies.as_text(found), found.ok, wants_json, file)


@main.command("outages")
@click.option("--outages", "count", default=4, show_default=True, help="How many outages.")
@click.option("--length", default=60.0, show_default=True, help="Seconds that each of them lasts.")
@click.option("-p", "--processes", default=2, show_default=True, help="How many processes the worker has.")
@_shared
def _outages(
    count: int, length: float, wants_json: bool, file: Path | None, keep: Path | None, **how: Any
) -> None:
    """Take the server away for a while, and see how soon work goes on and that nothing is run twice.

    Exit code 1 when a job that still ran was run again, 2 when it could not begin.
    """
    with _setup(keep, seed=0, kills=0, jobs=0, **how) as setup:
        found = _tried(lambda: outages.outages(setup, count, length, _tell))
    _end(outages.as_json(found), outages.as_text(found), found.ok, wants_json, file)


@contextmanager
def _setup(
    keep: Path | None, *, engine: str | None, url: str | None, worker_args: str, **how: Any
) -> Generator[Setup]:
    words = tuple(shlex.split(worker_args))
    with place(keep) as folder, _prepared(folder, engine or "", url or "") as ground:
        yield Setup(ground=ground, worker_args=words, folder=folder, **how)


@contextmanager
def _prepared(folder: Path, engine: str, url: str) -> Generator[Ground]:
    if engine and url:
        raise click.UsageError("--engine makes a place of its own, and --url names one; give one of them")
    with ExitStack() as end:
        yield _tried(lambda: end.enter_context(prepared(folder, engine, url)))


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _tried(what: Callable[[], T]) -> T:
    try:
        return what()
    except CardoonError as error:
        raise click.UsageError(str(error)) from None


def _end(json: str, text: str, ok: bool, wants_json: bool, file: Path | None) -> None:
    if file is not None:
        file.write_text(json, "utf-8")
    click.echo(json.rstrip() if wants_json else text)
    sys.exit(0 if ok else 1)


@contextmanager
def place(keep: Path | None) -> Generator[Path]:
    """The folder of a run: one that is kept, or one that is removed afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="cardoon-torture-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    main()
