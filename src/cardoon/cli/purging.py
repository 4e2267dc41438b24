"""Emptying queues: everything that waits in them is cancelled, nothing that runs is touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import click

from cardoon.cli.confirming import confirm
from cardoon.cli.exits import FAILED
from cardoon.cli.text import count, visible
from cardoon.consumers import consumers
from cardoon.engines.contract import Engine
from cardoon.model.states import WAITING


def purge_queues(
    engine: Engine, queues: Sequence[str] | None, *, force: bool, dry_run: bool, yes: bool
) -> None:
    """Count what waits in these queues (None is all), ask, cancel it, tell how many.

    Leaves with 1 where workers take jobs of them, unless forced; only counting is always allowed.
    """
    names = [info.name for info in engine.queues()] if queues is None else list(queues)
    number = sum(engine.count(names).get(name, {}).get(state, 0) for name in names for state in WAITING)
    of = f"{count(number, 'job')} of {count(len(names), 'queue')}"
    if dry_run:
        click.echo(f"{of} would be purged")
        return
    if not force:
        _refuse_while_consumed(engine, names)
    if number:
        confirm(f"Purge {of}?", yes=yes)
    purged = engine.purge(names) if number else 0
    click.echo(f"{count(purged, 'job')} of {count(len(names), 'queue')} purged")


def _refuse_while_consumed(engine: Engine, names: Sequence[str]) -> None:
    workers = engine.workers()
    live = {worker.worker: worker for name in names for worker in consumers(workers, name)}
    if live:
        named = ", ".join(sorted(visible(worker.name or worker.worker) for worker in live.values())[:3])
        click.echo(
            f"Error: {count(len(live), 'worker process', 'worker processes')} would go on taking jobs "
            f"({named}): stop them first, or say `cardoon queues purge --force`",
            err=True,
        )
        click.get_current_context().exit(FAILED)


def purge_before_start(app: str | None, queues: Sequence[str] | None, *, force: bool = False) -> int:
    """What `cardoon worker --purge` does before it starts: an exit code, 0 when the queues are empty.

    A process of its own does it, so that the supervisor imports no application. It does not ask, and a
    queue that is not known yet is empty.
    """
    words = ["--yes", "--if-known", *(["--force"] if force else []), *(["-A", app] if app else [])]
    words += ["--all"] if queues is None else ["--", *queues]
    command = [sys.executable, "-m", "cardoon", "queues", "purge", *words]
    return subprocess.run(command, check=False).returncode
