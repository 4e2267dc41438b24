"""`cardoon jobs`: lists jobs, and shows one."""

from __future__ import annotations

from typing import Any

import click

from cardoon.cli.job_page import describe, record
from cardoon.cli.options import app_option, examples, json_option, url_option, verbose_option
from cardoon.cli.target import engine_to_look_at
from cardoon.cli.text import Column, document, duration, table
from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.errors import InvalidOption, UnknownJob
from cardoon.model.job import Filter, Job
from cardoon.model.states import State

SHORT_ID = 8
_SEARCHED, _PAGE = 2_000, 500
_SHOWN_CANDIDATES = 3
_COLUMNS = [
    Column("ID"),
    Column("STATE"),
    Column("TASK", keeps="end", shrinks=True),
    Column("QUEUE", shrinks=True),
    Column("SENT", right=True),
    Column("TOOK", right=True),
    Column("NOTE", shrinks=True),
]


@click.group(epilog=examples("cardoon jobs list --state failed", "cardoon jobs show 1f0c3a9e"))
def jobs() -> None:
    """List jobs, and show one of them."""


@jobs.command(
    "list", epilog=examples("cardoon jobs list --state failed", "cardoon jobs list --queue mails --json")
)
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
@app_option
@url_option
@json_option
@verbose_option
def list_jobs(
    states: tuple[str, ...],
    queue: str | None,
    task: str | None,
    limit: int,
    page: str | None,
    app: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    wanted = Filter(
        states=frozenset(map(State, states)),
        queues=frozenset([queue] if queue else []),
        tasks=frozenset([task] if task else []),
    )
    engine = engine_to_look_at(app, url)
    try:
        found = engine.find(wanted, page=page, limit=limit)
    except InvalidOption as error:
        raise click.BadParameter(str(error), param_hint="--page") from None
    engine.close()
    if as_json:
        return document({"jobs": [record(job) for job in found.jobs], "next": found.next})
    if not found.jobs:
        click.echo("no such jobs")
        return None
    table(_COLUMNS, [_row(job) for job in found.jobs])
    if found.next:
        click.echo(f"older ones: --page {found.next}")
    return None


@jobs.command(epilog=examples("cardoon jobs show 1f0c3a9e", "cardoon jobs show 1f0c3a9e --json"))
@click.argument("id")
@app_option
@url_option
@json_option
@verbose_option
def show(id: str, app: str | None, url: str | None, as_json: bool) -> None:
    """Show all that is known of a job.

    ID may be the last characters, as logs and lists show them; it is looked for among the newest jobs.
    """
    engine = engine_to_look_at(app, url)
    job = resolve(engine, id)
    attempts = engine.attempts(job.id)
    engine.close()
    if as_json:
        return document({**record(job), "attempts": [_attempt(a) for a in attempts]})
    return describe(job, attempts)


def resolve(engine: Engine, id: str) -> Job:
    """The job of an id, or of its end or beginning among the newest jobs; raises UnknownJob."""
    exact = engine.result(id)
    if exact is not None:
        return exact
    found = [job for job in _newest(engine) if job.id.endswith(id) or job.id.startswith(id)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnknownJob(
            f"no job {id!r} here, nor among the ends of the ids of the {_SEARCHED:,} newest jobs"
        )
    lines = [f"  {job.id}  {job.state}  {job.task}" for job in found[:_SHOWN_CANDIDATES]]
    if len(found) > _SHOWN_CANDIDATES:
        lines.append(f"  and {len(found) - _SHOWN_CANDIDATES} more")
    raise UnknownJob("\n".join([f"{id!r} may be one of {len(found)} jobs:", *lines]))


def _newest(engine: Engine) -> list[Job]:
    found: list[Job] = []
    page: str | None = None
    while len(found) < _SEARCHED:
        part = engine.find(Filter(), page=page, limit=_PAGE)
        found += part.jobs
        page = part.next
        if page is None:
            break
    return found


def _row(job: Job) -> list[str]:
    now = clock.now()
    return [
        job.id[-SHORT_ID:],
        job.state,
        job.task,
        job.queue,
        duration(now - job.created),
        _took(job, now),
        _note(job, now),
    ]


def _took(job: Job, now: float) -> str:
    """How long the last attempt took, or has been running."""
    if job.started is None or (job.finished is None and job.state is not State.RUNNING):
        return "-"
    return duration((job.finished or now) - job.started)


def _note(job: Job, now: float) -> str:
    waits = f"in {duration(job.due - now)}" if job.due and job.due > now and not job.final else ""
    said = str(job.error).partition("\n")[0] if job.error is not None else job.note
    return ", ".join(filter(None, [waits, said]))


def _attempt(attempt: Job) -> dict[str, Any]:
    names = ("attempt", "token", "state", "started", "finished", "worker", "note", "error")
    return {name: getattr(attempt, name) for name in names}
