"""`cardoon dev`: a worker that starts anew when the code changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click

from cardoon.cli.options import examples
from cardoon.cli.text import count, visible
from cardoon.model.errors import ConfigurationError

DRAIN_SECONDS = 5.0
_KILL_SECONDS = 5.0
_LOOK_MILLISECONDS = 500
_SETTLE_MILLISECONDS = 200


@click.command(epilog=examples("cardoon dev tasks:app", "cardoon dev shop.tasks:app --reload-dir shop -p 2"))
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option("-A", "--app", "named", metavar="MODULE:APP", help="The same, as an option.")
@click.option(
    "--reload-dir",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="Watch this folder; more than once for several.  [.]",
)
@click.option("-Q", "--queues", multiple=True, metavar="A,B", help="Only these queues.  [all]")
@click.option("-p", "--processes", default="1", metavar="N|auto", help="How many processes.  [1]")
@click.option("-l", "--log-level", metavar="LEVEL", help="The least important lines to log.  [info]")
def dev(
    app: str | None, named: str | None, folders: tuple[str, ...], queues: tuple[str, ...], **how: Any
) -> None:
    """Run a worker that follows the code.

    It starts anew whenever a Python file changes, until Ctrl-C; running jobs have 5 s to end. Code that
    cannot be imported is shown, and tried again when it changes.
    """
    if app and named and app != named:
        raise click.UsageError(f"two applications are named: {app} and {named}")
    words = [word for word in [app or named] if word]
    words += [part for queue in queues for part in ("-Q", queue)]
    words += ["-p", how["processes"], "--log-format", "text", "--shutdown-timeout", f"{DRAIN_SECONDS:g}"]
    words += ["-l", how["log_level"]] if how["log_level"] else []
    run([sys.executable, "-m", "cardoon", "worker", *words], folders or (".",))


def run(command: list[str], folders: Iterable[str]) -> None:
    """Run the command, and anew at each change of a Python file in these folders, until Ctrl-C or TERM."""
    watched = _changes(folders)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    worker = _Worker(command)
    try:
        worker.start()
        for changed in watched:
            if changed:
                click.echo(f"reload: {_told(changed)}", err=True)
                worker.stop()
                worker.start()
            else:
                worker.look()
    except KeyboardInterrupt:
        pass
    finally:
        worker.stop()


class _Worker:
    """The worker as a process, which may have ended by itself."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # In a group of its own, so that Ctrl-C reaches it once, through `stop`.
        self._process = subprocess.Popen(self._command, process_group=0)

    def look(self) -> None:
        """Say it once when it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            code, self._process = self._process.returncode, None
            click.echo(f"the worker ended with {code}; the next change starts it again", err=True)

    def stop(self) -> None:
        """Let it drain for a while, then let it give back what still runs, then end it."""
        process, self._process = self._process, None
        if process is None:
            return
        for end, seconds in (
            (process.terminate, DRAIN_SECONDS + _KILL_SECONDS),
            (process.terminate, _KILL_SECONDS),
            (process.kill, None),
        ):
            end()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            return


def _changes(folders: Iterable[str]) -> Iterator[set[str]]:
    """The Python files that changed, as soon as they have settled; nothing at all every half second."""
    try:
        from watchfiles import PythonFilter, watch  # here: an extra
    except ImportError:
        raise ConfigurationError("cardoon dev needs watchfiles: pip install 'cardoon[watch]'") from None
    found = watch(
        *folders,
        watch_filter=PythonFilter(),
        step=_SETTLE_MILLISECONDS,
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,
        raise_interrupt=True,
    )
    return ({path for _, path in changes} for changes in found)


def _told(changed: set[str]) -> str:
    first, *others = sorted(os.path.relpath(path) for path in changed)
    more = f" and {count(len(others), 'other file')}" if others else ""
    return f"{visible(first)}{more} changed"
