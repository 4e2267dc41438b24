"""`cardoon workers`: the worker processes that live, and what they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import click
import msgspec

from cardoon import bulk
from cardoon.cli.groups import ListingGroup
from cardoon.cli.job_table import SHORT_ID, short
from cardoon.cli.options import app_option, examples, json_option, url_option, verbose_option
from cardoon.cli.repeating import shown, watch_option
from cardoon.cli.target import engine_to_look_at
from cardoon.cli.text import Column, count, document, duration, table
from cardoon.engines.contract import BEAT_SECONDS, Engine
from cardoon.engines.silence import proven_dead
from cardoon.model import clock
from cardoon.model.errors import nearest
from cardoon.model.job import Filter, Report
from cardoon.model.states import State

_COLUMNS = [
    Column("WORKER", keeps="end", shrinks=True),
    Column("ID"),
    Column("PID", right=True),
    Column("QUEUES", shrinks=True),
    Column("RUNNING", right=True),
    Column("SLOTS", right=True),
    Column("UP", right=True),
    Column("NOTE"),
]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process. No `queues` means all; `dead`: by proof of this host, but not swept up yet."""

    name: str
    id: str
    host: str
    pid: int
    queues: list[str]
    slots: int
    running: int
    started: float
    dead: bool


@click.group(cls=ListingGroup, epilog=examples("cardoon workers", "cardoon workers quiet web-1"))
def workers() -> None:
    """Show the workers, and tell them what to do. Without a command they are listed."""


@workers.command("list", epilog=examples("cardoon workers list --watch", "cardoon workers list --json"))
@watch_option
@app_option
@url_option
@json_option
@verbose_option
def list_workers(watch: bool, app: str | None, url: str | None, as_json: bool) -> None:
    """List the worker processes."""
    engine = engine_to_look_at(app, url)
    shown(lambda: _show(lines(engine), as_json), watch=watch)
    engine.close()


def _show(found: list[Line], as_json: bool) -> None:
    if as_json:
        document(found)
    elif not found:
        click.echo("no worker is alive; start one: cardoon worker module:app")
    else:
        table(_COLUMNS, [_row(line) for line in found])


def lines(engine: Engine) -> list[Line]:
    """A line for each worker process that is not retired, by name."""
    running = Counter(job.worker for job in bulk.walk(engine, Filter(states=frozenset({State.RUNNING}))))
    found = [_line(worker, running[worker.worker]) for worker in engine.workers()]
    return sorted(found, key=lambda line: (line.name, line.started))


def _line(worker: Report, running: int) -> Line:
    return Line(
        name=worker.name,
        id=worker.worker,
        host=worker.host,
        pid=worker.pid,
        queues=worker.queues,
        slots=worker.slots,
        running=running,
        started=worker.started,
        dead=proven_dead(worker),
    )


def _row(line: Line) -> list[str]:
    up = duration(clock.now() - line.started) if line.started else "-"
    numbers = [str(line.running), str(line.slots), up]
    return [
        line.name or "-",
        short(line.id),
        str(line.pid or "-"),
        ", ".join(line.queues) or "all",
        *numbers,
        "dead" if line.dead else "-",
    ]


# -- telling them


def _telling(command: Callable[..., None]) -> Callable[..., None]:
    for option in (verbose_option, url_option, app_option):
        command = option(command)
    command = click.option("--all", "everything", is_flag=True, help="All workers.")(command)
    return click.argument("names", nargs=-1, metavar="[WORKER]...")(command)


@workers.command(epilog=examples("cardoon workers quiet web-1", "cardoon workers quiet --all"))
@_telling
def quiet(names: tuple[str, ...], everything: bool, app: str | None, url: str | None) -> None:
    """Let workers claim nothing more and finish what they have; they stay.

    WORKER is a name as it is listed, or an id; without its number it is all processes of that name.
    """
    _tell("quiet", names, everything, app, url)


@workers.command(epilog=examples("cardoon workers stop web-1/2", "cardoon workers stop --all"))
@_telling
def stop(names: tuple[str, ...], everything: bool, app: str | None, url: str | None) -> None:
    """Let workers finish what they have, and end.

    WORKER is a name as it is listed, or an id; without its number it is all processes of that name.
    """
    _tell("stop", names, everything, app, url)


@workers.command(epilog=examples("cardoon workers resume web-1", "cardoon workers resume --all"))
@_telling
def resume(names: tuple[str, ...], everything: bool, app: str | None, url: str | None) -> None:
    """Let workers that were told to be quiet claim again.

    WORKER is a name as it is listed, or an id; without its number it is all processes of that name.
    """
    _tell("", names, everything, app, url)


def _tell(what: str, names: tuple[str, ...], everything: bool, app: str | None, url: str | None) -> None:
    if bool(names) is everything:
        raise click.UsageError("name workers, or say --all")
    engine = engine_to_look_at(app, url)
    told = sum(engine.order(worker.worker, what) for worker in _named(engine.workers(), names))
    engine.close()
    processes = count(told, "worker process", "worker processes")
    click.echo(f"{processes} will hear it with the next beat, within {BEAT_SECONDS:g} s or so")


def _named(workers: list[Report], names: tuple[str, ...]) -> list[Report]:
    """The workers of these names, or all where none is named; raises for one that nobody has."""
    found: dict[str, Report] = {} if names else {worker.worker: worker for worker in workers}
    for name in names:
        of_name = {worker.worker: worker for worker in workers if _is_named(worker, name)}
        if not of_name:
            near = nearest(name, [worker.name for worker in workers])
            raise click.ClickException(f"no worker {name!r} is alive{near}")
        found |= of_name
    return list(found.values())


def _is_named(worker: Report, name: str) -> bool:
    """Whether this is its name, with or without its number, or its id, or the end of that as it is shown."""
    by_id = len(name) >= SHORT_ID and worker.worker.endswith(name)
    return by_id or name in (worker.name, worker.name.rpartition("/")[0])
