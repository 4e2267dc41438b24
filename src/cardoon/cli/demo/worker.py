"""The demo's worker: `cardoon worker` with two processes, in a session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from cardoon.cli.demo.signals import undisturbed
from cardoon.cli.worker import worker
from cardoon.worker.process import die_with_parent

PROCESSES = 2
_LOG = "worker.log"
_OPTIONS = ["-p", str(PROCESSES), "-l", "warning", "--log-format", "text", "--shutdown-timeout", "2"]
_PATIENCE_SECONDS = 5.0
_LAST_LINES = 8


class WorkerGone(click.ClickException):
    """The worker ended before its work was done; its last log lines say why."""


class Worker:
    """Runs the application `app` of the current directory and environment, until its block ends.

    A session of its own keeps the Ctrl-C of a terminal from it: it ends when told, or when this
    process dies.
    """

    def __init__(self, app: str) -> None:
        self._app = app
        self._log = Path(_LOG).absolute()
        self._popen: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", f"from {__name__} import main; main()", str(os.getpid()), self._app]
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all its processes are gone; what still runs after some seconds is killed."""
        with undisturbed():
            self._popen.terminate()
            try:
                self._popen.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()

    def check(self) -> None:
        """Raises WorkerGone when it is gone."""
        code = self._popen.poll()
        if code is not None:
            last = self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
            raise WorkerGone("\n".join([f"the demo's worker ended with exit code {code}", *last]))


def main() -> None:
    """Entered by the process that `Worker` starts, with the pid of its parent and the application's path."""
    parent, app = sys.argv[1:]
    die_with_parent(int(parent))
    worker.main([app, *_OPTIONS], prog_name="cardoon worker")
