"""`cardoon demo`: the main job of Cardoon on real files, with a worker process killed on the way."""

from __future__ import annotations

import time
from pathlib import Path

import click

from cardoon.cli.demo import summary, table
from cardoon.cli.demo.files import PACKAGES, Found, find, standard_library
from cardoon.cli.demo.screen import Screen, fit, width
from cardoon.cli.demo.signals import orderly_end
from cardoon.cli.demo.stage import EXAMPLE, Stage, example, stage
from cardoon.cli.demo.tally import Tally, tally
from cardoon.cli.demo.watch import Kill, watch
from cardoon.cli.demo.worker import PROCESSES, Worker
from cardoon.cli.exits import FAILED, INTERRUPTED
from cardoon.cli.options import examples
from cardoon.cli.text import count, duration


@click.command(epilog=examples("cardoon demo", "cardoon demo ~/src --keep"))
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, readable=True)
)
@click.option("--keep", is_flag=True, help="Keep the temporary folder with the jobs, and say where it is.")
@click.option("--source", is_flag=True, help="Print the tasks of the demo instead of running it.")
@click.pass_context
def demo(ctx: click.Context, folder: str | None, keep: bool, source: bool) -> None:
    """Count every file of DIR, one job for each, and survive a kill.

    Sends a job for each file below DIR (default: the standard library of this Python) to a worker of
    two processes on a new SQLite file, or on the server that CARDOON_URL names. Some jobs fail once and
    are retried, and one process is killed on the way. The counts are written to demo.csv here. Caches are
    left out, links are not followed.
    """
    if source:
        return click.echo(example().read_text(encoding="utf-8"), nl=False)
    try:
        with orderly_end():
            ctx.exit(_play(folder, keep))
    except KeyboardInterrupt:
        click.echo("\nstopped; the worker is gone and nothing is left behind", err=True)
        ctx.exit(INTERRUPTED)


def _play(folder: str | None, keep: bool) -> int:
    """All of it; the exit code."""
    top = str(Path(folder or standard_library()).resolve())
    found = find(top, frozenset() if folder else PACKAGES)
    if not found.paths:
        click.echo(f"There are no files in {fit(top, width())}: nothing to count.")
        return 0
    target = table.target()
    click.echo(summary.opening(top, found))
    with stage(keep=keep) as scene:
        counts, kill = _run(scene, found)
    table.write(target, counts.rows)
    click.echo(summary.closing(counts, kill, top))
    if keep:
        click.echo(f"The jobs are in {scene.jobs}.")
    if counts.faults:
        return FAILED
    summary.say_next()
    return 0


def _run(scene: Stage, found: Found) -> tuple[Tally, Kill | None]:
    """Send, work, watch, and read everything back."""
    begun = time.monotonic()
    scene.task.map(found.paths)
    sent = duration(time.monotonic() - begun)
    click.echo(f"sent {count(len(found.paths), 'job')} to {scene.target} in {sent}")
    with Worker(f"{EXAMPLE}:app") as worker:
        click.echo(f"started a worker of {PROCESSES} processes")
        screen = Screen(len(found.paths))
        try:
            kill = watch(scene.app.engine, worker, len(found.paths), screen)
        finally:
            screen.clear()
        return tally(scene.app.engine, found.paths, kill), kill
