"""`cardoon queues`: how many jobs of each queue wait, run and have ended; pausing and emptying them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from cardoon.cli.confirming import dry_run_option, yes_option
from cardoon.cli.groups import ListingGroup
from cardoon.cli.options import app_option, examples, json_option, url_option, verbose_option
from cardoon.cli.purging import purge_queues
from cardoon.cli.repeating import shown, watch_option
from cardoon.cli.target import engine_of, engine_to_look_at
from cardoon.cli.text import Column, count, document, duration, table
from cardoon.consumers import consumers
from cardoon.engines.contract import Engine, QueueInfo
from cardoon.model import clock
from cardoon.model.errors import QueueNotFound, nearest
from cardoon.model.states import FINAL, WAITING, State

_COLUMNS = [
    Column("QUEUE", shrinks=True),
    *(Column(title, right=True) for title in ("READY", "DELAYED", "RUNNING", "PARKED", "ENDED", "OLDEST")),
    Column("NOTE"),
]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A queue in numbers. `delayed` counts retries too, `parked` what is blocked too.

    `oldest_wait` is the seconds that its oldest ready job waits; None when none does. `states` are
    the counts of all states; `ended` counts since the queue is known. `consumers` counts the worker
    processes that take jobs of it.
    """

    name: str
    ready: int
    delayed: int
    running: int
    parked: int
    ended: int
    oldest_wait: float | None
    paused: bool
    consumers: int
    states: dict[State, int]


@click.group(cls=ListingGroup, epilog=examples("cardoon queues", "cardoon queues pause mails"))
def queues() -> None:
    """Show the queues, pause them, empty them. Without a command they are listed."""


@queues.command(
    "list",
    epilog=examples("cardoon queues list --watch", "cardoon queues list --url sqlite:///jobs.db --json"),
)
@watch_option
@app_option
@url_option
@json_option
@verbose_option
def list_queues(watch: bool, app: str | None, url: str | None, as_json: bool) -> None:
    """List the queues: what waits, runs and has ended in each."""
    engine = engine_to_look_at(app, url)
    shown(lambda: _show(lines(engine), as_json), watch=watch)
    engine.close()


def _show(found: list[Line], as_json: bool) -> None:
    if as_json:
        document(found)
    elif not found:
        click.echo("no job was sent yet")
    else:
        table(_COLUMNS, [_row(line) for line in found])


def lines(engine: Engine) -> list[Line]:
    """A line for each queue that the engine knows, by name."""
    counts, workers = engine.count(), engine.workers()
    return [
        _line(info, counts.get(info.name, {}), len(consumers(workers, info.name))) for info in engine.queues()
    ]


def _line(info: QueueInfo, states: dict[State, int], consumers: int) -> Line:
    def total(*wanted: State) -> int:
        return sum(states.get(state, 0) for state in wanted)

    return Line(
        name=info.name,
        ready=total(State.READY),
        delayed=total(State.DELAYED, State.RETRYING),
        running=total(State.RUNNING),
        parked=total(State.PARKED, State.BLOCKED),
        ended=total(*FINAL),
        oldest_wait=info.oldest and clock.now() - info.oldest,
        paused=info.paused,
        consumers=consumers,
        states=states,
    )


def _row(line: Line) -> list[str]:
    numbers = (line.ready, line.delayed, line.running, line.parked, line.ended)
    waits = "-" if line.oldest_wait is None else duration(line.oldest_wait)
    return [line.name, *map(str, numbers), waits, ", ".join(_notes(line)) or "-"]


def _notes(line: Line) -> Iterator[str]:
    if line.paused:
        yield "paused"
    if not line.consumers and any(line.states.get(state) for state in WAITING):
        yield "no consumer"


# -- acting


@queues.command(epilog=examples("cardoon queues pause mails", "cardoon queues pause mails images"))
@click.argument("names", nargs=-1, required=True, metavar="QUEUE...")
@app_option
@url_option
@verbose_option
def pause(names: tuple[str, ...], app: str | None, url: str | None) -> None:
    """Let no job of these queues start from now on; those that run go on.

    A queue that is not known yet may be paused too.
    """
    _each(names, app, url, paused=True)


@queues.command(epilog=examples("cardoon queues resume mails", "cardoon queues resume mails images"))
@click.argument("names", nargs=-1, required=True, metavar="QUEUE...")
@app_option
@url_option
@verbose_option
def resume(names: tuple[str, ...], app: str | None, url: str | None) -> None:
    """Let jobs of these queues start again."""
    _each(names, app, url, paused=False)


def _each(names: tuple[str, ...], app: str | None, url: str | None, *, paused: bool) -> None:
    engine = engine_to_look_at(app, url)
    if not paused:
        _check_known(engine, names)
    for name in names:
        (engine.pause if paused else engine.resume)(name)
    click.echo(f"{count(len(names), 'queue')} {'paused' if paused else 'resumed'}")
    engine.close()


@queues.command(epilog=examples("cardoon queues purge mails", "cardoon queues purge --all --dry-run"))
@click.argument("names", nargs=-1, metavar="[QUEUE]...")
@click.option("--all", "everything", is_flag=True, help="All queues.")
@click.option("--force", is_flag=True, help="Even while workers take jobs of them.")
@click.option("--if-known", is_flag=True, hidden=True)
@dry_run_option
@yes_option
@app_option
@url_option
@verbose_option
def purge(
    names: tuple[str, ...], everything: bool, if_known: bool, app: str | None, url: str | None, **how: Any
) -> None:
    """Cancel everything that waits in these queues, delayed or not; running jobs go on.

    Their number is told first, and you are asked. Refused while workers take jobs of these queues,
    since they would go on meanwhile.
    """
    if bool(names) is everything:
        raise click.UsageError("name queues, or say --all")
    engine = engine_to_look_at(app, url) if url else engine_of(app, url)
    if not if_known:
        _check_known(engine, names)
    purge_queues(engine, list(names) or None, **how)
    engine.close()


def _check_known(engine: Engine, names: tuple[str, ...]) -> None:
    known = [info.name for info in engine.queues()]
    for name in names:
        if name not in known:
            raise QueueNotFound(f"no queue {name!r} is known here{nearest(name, known)}")
