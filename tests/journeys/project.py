"""A small project in a folder of its own, and the real `cardoon` run in it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from waiting import until

TASKS = '''\
import os
import signal
from datetime import date
from pathlib import Path

from cardoon import Cardoon

app = Cardoon("shop", url="sqlite:///jobs.db")


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task(queue="mails", retry_for=OSError, max_retries=2, default_retry_delay=60)
def mail(to: str, on: date | None = None) -> str:
    return f"mail to {to}" if on is None else f"mail to {to} on {on:%d.%m.%Y}"


@app.task
def divide(x: int, y: int) -> float:
    return x / y


@app.task
def hold(mark: str) -> str:
    """The first run never ends; the second returns at once."""
    if Path(mark).exists():
        return "done by the second run"
    Path(f"{mark}.part").write_text(str(os.getpid()))
    Path(f"{mark}.part").rename(mark)
    while True:
        signal.pause()


@app.task
def open_gate(mark: str, gate: str) -> str:
    """Ends when somebody writes to the gate."""
    Path(mark).touch()
    return Path(gate).read_text()
'''


class Project:
    """The folder of a project with a `tasks.py`; every process started in it ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tasks.py").write_text(TASKS)
        self._started: list[subprocess.Popen[str]] = []

    def write_far_app(self) -> None:
        """An application `far:app` whose engine cannot be reached."""
        (self.folder / "far.py").write_text(
            "from cardoon import Cardoon\napp = Cardoon('far', url='sqlite:///no/such/folder/jobs.db')\n"
        )

    def run(
        self, *words: str, environment: Mapping[str, str] = {}, seconds: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """`cardoon WORDS`, to its end."""
        return subprocess.run(
            self._command(words),
            cwd=self.folder,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def out(self, *words: str, environment: Mapping[str, str] = {}) -> str:
        """What `cardoon WORDS` prints; it must succeed."""
        done = self.run(*words, environment=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        """The one document that `cardoon WORDS --json` prints."""
        return json.loads(self.out(*words, "--json"))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """`cardoon WORDS`, left running; its log is kept in `worker.log`."""
        with (self.folder / "worker.log").open("a") as log:
            process = subprocess.Popen(
                self._command(words),
                cwd=self.folder,
                env=_environment({}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        self._started.append(process)
        return process

    def start_worker(self, *words: str) -> subprocess.Popen[str]:
        """A worker of one process, once it takes jobs."""
        before = self.log.count('"worker.ready"')
        process = self.start("worker", "-p", "1", *words)
        until(lambda: self.log.count('"worker.ready"') > before, what="a worker that takes jobs")
        return process

    @property
    def log(self) -> str:
        """What the workers logged so far."""
        file = self.folder / "worker.log"
        return file.read_text() if file.exists() else ""

    def job(self, id: str) -> Any:
        """All that is known of a job."""
        return self.json("jobs", "show", id)

    def close(self) -> None:
        """End what still runs."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()

    @staticmethod
    def _command(words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "cardoon", *words]


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARDOON_")}
    return {**kept, "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1", **more}


def lives(pid: int) -> bool:
    """Whether a process runs: neither gone nor waiting to be buried."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
