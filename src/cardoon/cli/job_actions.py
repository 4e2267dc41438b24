"""`cardoon jobs retry`, `cancel` and `delete`: done to jobs one by one, or to all that match."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import click

from cardoon import bulk
from cardoon.cli.confirming import confirm, dry_run_option, yes_option
from cardoon.cli.exits import FAILED
from cardoon.cli.job_table import short
from cardoon.cli.options import app_option, examples, url_option, verbose_option
from cardoon.cli.picking import filter_option, ids_argument, picked
from cardoon.cli.target import engine_to_look_at
from cardoon.cli.text import count
from cardoon.engines.contract import Engine
from cardoon.model.job import Filter


class Action(NamedTuple):
    """Its name, how one says that it was done, which jobs it takes, and what does it."""

    name: str
    done: str
    takes: Callable[[Filter], Filter]
    do: Callable[[Engine, Filter], int]


class Words(NamedTuple):
    """What was said of a command that acts."""

    ids: tuple[str, ...]
    text: str | None
    dry_run: bool
    yes: bool
    app: str | None
    url: str | None


def acting(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options of a command that acts on jobs."""
    for option in (verbose_option, url_option, app_option, yes_option, dry_run_option, filter_option):
        command = option(command)
    return ids_argument(command)


def _perform(action: Action, said: Words) -> None:
    engine = engine_to_look_at(said.app, said.url)
    try:
        wanted = picked(engine, said.ids, said.text)
        (_to_named if said.ids else _to_all)(action, engine, wanted, said)
    finally:
        engine.close()


def _to_all(action: Action, engine: Engine, wanted: Filter, said: Words) -> None:
    """Count, ask, do, tell."""
    number = bulk.count(engine, action.takes(wanted))
    if said.dry_run:
        click.echo(f"{count(number, 'job')} would be {action.done}")
    elif not number:
        click.echo("no such jobs")
    else:
        confirm(f"{action.name.capitalize()} {count(number, 'job')}?", yes=said.yes)
        click.echo(f"{count(action.do(engine, wanted), 'job')} {action.done}")


def _to_named(action: Action, engine: Engine, wanted: Filter, said: Words) -> None:
    """Do and tell; leaves with 1 if one of these jobs was not to be had."""
    able = {job.id for job in bulk.walk(engine, action.takes(wanted))}
    unable = [job for job in bulk.walk(engine, wanted) if job.id not in able]
    if said.dry_run:
        click.echo(f"{count(len(able), 'job')} would be {action.done}")
    elif able or not unable:
        click.echo(f"{count(action.do(engine, wanted), 'job')} {action.done}")
    for job in unable:
        click.echo(f"{short(job.id)} is {job.state}: not {action.done}", err=True)
    if unable:
        click.get_current_context().exit(FAILED)


@click.command(
    epilog=examples(
        "cardoon jobs retry 1f0c3a9e", "cardoon jobs retry -f 'queue:mail after:2h timeout' --dry-run"
    )
)
@acting
def retry(**said: Any) -> None:
    """Let jobs that ended wait again, under their ids.

    Of the jobs of a FILTER that names no states, failed and quarantined ones are taken. Their number is
    told first, and you are asked.
    """
    _perform(Action("retry", "retried", bulk.to_retry, bulk.retry), Words(**said))


@click.command(
    epilog=examples(
        "cardoon jobs cancel 1f0c3a9e --terminate", "cardoon jobs cancel -f 'queue:mail state:waiting'"
    )
)
@click.option("--terminate", is_flag=True, help="End the attempts that run, too.")
@acting
def cancel(terminate: bool, **said: Any) -> None:
    """Cancel jobs that have not ended.

    Those that wait never start. Those that run go on, unless --terminate is given, and never run again.
    Of a FILTER the number is told first, and you are asked.
    """
    do = partial(bulk.cancel, terminate=terminate)
    _perform(Action("cancel", "cancelled", bulk.to_cancel, do), Words(**said))


@click.command(
    epilog=examples(
        "cardoon jobs delete 1f0c3a9e", "cardoon jobs delete -f 'state:succeeded before:7d' --yes"
    )
)
@acting
def delete(**said: Any) -> None:
    """Forget jobs, with all that is kept of them. Those that run stay.

    Of a FILTER the number is told first, and you are asked.
    """
    _perform(Action("delete", "deleted", bulk.to_delete, bulk.delete), Words(**said))
