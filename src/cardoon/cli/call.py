"""`cardoon call`: sends one job by the name of its task, and may wait for its end."""

from __future__ import annotations

from typing import Any

import click

from cardoon.app import Cardoon
from cardoon.cli.arguments import Arguments
from cardoon.cli.exits import FAILED
from cardoon.cli.options import app_option, examples, verbose_option
from cardoon.cli.target import load_app
from cardoon.cli.text import visible
from cardoon.model.errors import NotRegistered
from cardoon.model.job import Job
from cardoon.model.states import State
from cardoon.result import AsyncResult


@click.command(
    epilog=examples(
        "cardoon call tasks.resize cat.jpg --arg width=300 --wait",
        "cardoon call tasks.add -Q slow --countdown 60 -- 1 -2",
    )
)
@click.argument("task")
@click.argument("words", nargs=-1, metavar="[ARGS]...")
@click.option("--arg", "pairs", multiple=True, metavar="NAME=VALUE", help="A keyword argument.")
@click.option("--json", "text", metavar="JSON", help="More arguments: an array, or an object of named ones.")
@click.option("-Q", "--queue", metavar="NAME", help="Another queue than the task's own.")
@click.option("--countdown", type=click.FloatRange(min=0), metavar="SECONDS", help="Start not before.")
@click.option("--priority", type=click.IntRange(0, 9), help="0 is first.")
@click.option("--wait", is_flag=True, help="Wait for the end, print the result as JSON; exit 1 if it failed.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait at most so long.")
@click.option("--force", is_flag=True, help="Send it even if the application knows no such task.")
@app_option
@verbose_option
def call(
    task: str,
    words: tuple[str, ...],
    pairs: tuple[str, ...],
    text: str | None,
    wait: bool,
    timeout: float | None,
    force: bool,
    app: str | None,
    **options: Any,
) -> None:
    """Send a job by the name of its task, and print its id.

    ARGS are JSON where they are JSON, else text.
    """
    application = load_app(app)
    arguments = Arguments(_signature(application, task, force))
    arguments.place(words)
    arguments.name(pairs)
    if text is not None:
        arguments.take(text)
    args, kwargs = arguments.values()
    handle = application.send_task(task, args, kwargs, **options)
    click.echo(handle.id, err=wait)
    if wait:
        _wait(handle, timeout)
    application.close()


def _signature(app: Cardoon, name: str, force: bool) -> Any:
    task = app.tasks.find(name)
    if task is None and not force:
        raise NotRegistered(
            f"the application has no task {name!r}{app.tasks.nearest(name)} (cardoon tasks lists them, "
            "--force sends it all the same)"
        )
    return None if task is None else task.signature


def _wait(handle: AsyncResult[Any], timeout: float | None) -> None:
    handle.get(timeout, propagate=False)
    job = handle.job
    if job is not None:
        _tell(job)


def _tell(job: Job) -> None:
    """The result on stdout, or why there is none on stderr."""
    if job.state in (State.SUCCEEDED, State.SKIPPED):
        click.echo("null" if job.result is None else job.result.decode())
        return
    if job.error is not None and job.error.traceback:
        click.echo("\n".join(map(visible, job.error.traceback.rstrip().splitlines())), err=True)
    why = job.error or job.note
    click.echo(
        f"Error: {job.task}[{job.id[-8:]}] {job.state}{f': {visible(str(why))}' if why else ''}", err=True
    )
    click.get_current_context().exit(FAILED)
