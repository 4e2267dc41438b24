"""`cardoon jobs`: lists jobs, shows one, and leads to what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from cardoon.cli.groups import Group
from cardoon.cli.job_actions import cancel, delete, retry
from cardoon.cli.job_page import describe, record
from cardoon.cli.job_table import job_table
from cardoon.cli.job_waiting import logs, wait
from cardoon.cli.options import app_option, examples, json_option, url_option, verbose_option
from cardoon.cli.picking import resolve
from cardoon.cli.repeating import shown, watch_option
from cardoon.cli.target import engine_to_look_at
from cardoon.cli.text import document
from cardoon.engines.contract import Engine
from cardoon.model.errors import InvalidOption
from cardoon.model.job import Filter, Job, Page
from cardoon.model.query.parse import parse
from cardoon.model.states import State


@click.group(cls=Group, epilog=examples("cardoon jobs list state:failed", "cardoon jobs show 1f0c3a9e"))
def jobs() -> None:
    """Find jobs, look at them, and act on them."""


@jobs.command(
    "list",
    epilog=examples(
        "cardoon jobs list state:failed queue:mail after:2h",
        "cardoon jobs list 'args.order_id:123 OR (timeout -task:import.*)' --json",
    ),
)
@click.argument("words", nargs=-1, metavar="[FILTER]...")
@click.option(
    "--state",
    "states",
    multiple=True,
    metavar="STATE",
    type=click.Choice([state.value for state in State], case_sensitive=False),
    help=f"{', '.join(State)}; more than once for several.",
)
@click.option("-Q", "--queue", metavar="NAME", help="Only of this queue.")
@click.option("--task", metavar="NAME", help="Only of this task.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, metavar="N", help="At most so many.  [20]")
@click.option("--page", metavar="CURSOR", help="The page after the one that named this cursor.")
@watch_option
@app_option
@url_option
@json_option
@verbose_option
def list_jobs(
    words: tuple[str, ...],
    states: tuple[str, ...],
    queue: str | None,
    task: str | None,
    limit: int,
    page: str | None,
    watch: bool,
    app: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """List jobs, newest first.

    FILTER has fields (state: queue: task: worker: id: after: before: duration> args.PATH:), text, OR,
    NOT and parentheses; docs/guides/operating.md tells all.
    """
    fields: dict[str, Any] = {
        "states": frozenset(map(State, states)),
        "queues": frozenset([queue] if queue else []),
        "tasks": frozenset([task] if task else []),
    }
    engine = engine_to_look_at(app, url)

    def show() -> None:
        # Read anew each time: `after:5m` is meant from now.
        found = _page(engine, Filter(**fields, query=parse(" ".join(words))), page, limit)
        _show(found, as_json, words)

    shown(show, watch=watch)
    engine.close()


def _page(engine: Engine, wanted: Filter, page: str | None, limit: int) -> Page:
    """A full page, where there are so many."""
    jobs: list[Job] = []
    while True:
        try:
            found = engine.find(wanted, page=page, limit=limit - len(jobs))
        except InvalidOption as error:
            raise click.BadParameter(str(error), param_hint="--page") from None
        jobs += found.jobs
        page = found.next
        if page is None or len(jobs) >= limit:
            return Page(jobs, page)


def _show(found: Page, as_json: bool, words: Sequence[str]) -> None:
    if as_json:
        document({"jobs": [record(job) for job in found.jobs], "next": found.next})
    elif not found.jobs:
        state = next((word for word in words if word in set(State)), None)
        click.echo(f"no such jobs; did you mean state:{state}?" if state else "no such jobs")
    else:
        job_table(found.jobs)
        if found.next:
            click.echo(f"older ones: --page {found.next}")


@jobs.command(epilog=examples("cardoon jobs show 1f0c3a9e", "cardoon jobs show 1f0c3a9e --json"))
@click.argument("id")
@app_option
@url_option
@json_option
@verbose_option
def show(id: str, app: str | None, url: str | None, as_json: bool) -> None:
    """Show all that is known of a job.

    ID may be its last characters, as logs and lists show them.
    """
    engine = engine_to_look_at(app, url)
    job = resolve(engine, id)
    attempts = engine.attempts(job.id)
    engine.close()
    if as_json:
        return document({**record(job), "attempts": [_attempt(a) for a in attempts]})
    return describe(job, attempts)


def _attempt(attempt: Job) -> dict[str, Any]:
    names = ("attempt", "token", "state", "started", "finished", "worker", "note", "error")
    return {name: getattr(attempt, name) for name in names}


for command in (retry, cancel, delete, wait, logs):
    jobs.add_command(command)
