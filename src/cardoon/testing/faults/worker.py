"""A real worker to do harm to: `cardoon worker`, its supervisor and its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from cardoon.model import clock
from cardoon.model.errors import CardoonError
from cardoon.testing.faults.processes import children_of, family_of, kill, lives, only_on_linux, stopped

READY_SECONDS = 60.0
END_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_SHOWN_LINES = 20


class WorkerTrouble(CardoonError):
    """The worker did not do in time what was waited for; the message ends with its last log lines."""


class Worker:
    """`cardoon worker APP WORDS` in `folder`, started by `start()` or by `with`, ended with the block.

    It leads a session of its own, so a ctrl-C at the terminal does not reach it. `environment` is added
    to this process's; `inside` are words to put before the command, such as `SmallDisk.inside`.
    What it logs goes to `log_file`, or to a file that nobody else sees, and is told by `log`.
    """

    def __init__(
        self,
        app: str,
        *words: str,
        folder: str | Path = ".",
        environment: Mapping[str, str] = {},
        inside: Sequence[str] = (),
        log_file: Path | None = None,
    ) -> None:
        only_on_linux("a worker to do harm to")
        self._command = [
            *inside,
            sys.executable,
            "-m",
            "cardoon",
            "worker",
            app,
            "--log-format",
            "json",
            *words,
        ]
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._log_file = log_file
        self._log: IO[bytes]
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and return at once."""
        self._log = self._log_file.open("ab+") if self._log_file else tempfile.TemporaryFile()  # noqa: SIM115
        self._popen = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        return self

    def __enter__(self) -> Self:
        """Start it, and wait until its first process takes jobs."""
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- looking

    @property
    def supervisor(self) -> int:
        """The pid of the supervisor."""
        if self._popen is None:
            raise WorkerTrouble("the worker was not started; call start(), or use it in a `with`")
        return self._popen.pid

    @property
    def lives(self) -> bool:
        """Whether its supervisor does."""
        return self._popen is not None and self._popen.poll() is None

    def children(self) -> list[int]:
        """The pids of its living processes, oldest first, also of those that are not ready yet."""
        return children_of(self.supervisor)

    def ready(self) -> list[int]:
        """The pids of those that take jobs."""
        ready = {line["pid"] for line in self.lines() if line.get("event") == "worker.ready"}
        return [pid for pid in self.children() if pid in ready]

    @property
    def log(self) -> str:
        """What it logged and printed so far."""
        descriptor = self._log.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "replace")

    def lines(self) -> list[dict[str, Any]]:
        """The log as mappings; what is no line of the log is left out."""
        found: list[dict[str, Any]] = []
        for line in self.log.splitlines():
            with suppress(msgspec.MsgspecError):
                found.append(msgspec.json.decode(line, type=dict[str, Any]))
        return found

    # -- waiting

    def wait_ready(self, processes: int = 1, seconds: float = READY_SECONDS) -> list[int]:
        """Wait until so many of its processes take jobs: their pids. One that ended is not waited for."""

        def ready() -> list[int]:
            pids = self.ready()
            if not self.lives:
                raise self._trouble("it ended before it was ready")
            return pids if len(pids) >= processes else []

        found: list[int] = self.until(ready, f"{processes} of its processes take jobs", seconds)
        return found

    def until(self, fact: Callable[[], Any], what: str, seconds: float = READY_SECONDS) -> Any:
        """What `fact` answers as soon as that is true; raises WorkerTrouble after so many seconds."""
        deadline = clock.monotonic() + seconds
        while not (answer := fact()):
            if clock.monotonic() > deadline:
                raise self._trouble(f"not within {seconds:g} s: {what}")
            clock.sleep(_LOOK_SECONDS)
        return answer

    def _trouble(self, what: str) -> WorkerTrouble:
        last = "\n".join(self.log.splitlines()[-_SHOWN_LINES:])
        return WorkerTrouble(f"{what}; the worker's log ends with\n{last}")

    # -- harm

    def kill_child(self, pid: int | None = None) -> int:
        """SIGKILL one of its processes, the oldest that takes jobs unless another is named: its pid."""
        victim = self.wait_ready()[0] if pid is None else pid
        kill(victim)
        return victim

    def kill_supervisor(self) -> None:
        """SIGKILL the supervisor alone; its processes end by themselves."""
        kill(self.supervisor)

    def kill_group(self) -> None:
        """SIGKILL to everything it started, as when its container goes away."""
        if not self.lives:
            return  # its number may be somebody else's by now
        kill(*family_of(self.supervisor))
        with suppress(ProcessLookupError):
            os.killpg(self.supervisor, signal.SIGKILL)

    @contextmanager
    def stopped(self) -> Generator[None]:
        """All of it stands still inside the block, as on a machine that sleeps."""
        with stopped(*family_of(self.supervisor)):
            yield

    # -- ending

    def terminate(self) -> None:
        """SIGTERM: what runs may end, nothing more is taken; returns at once."""
        if self.lives:
            os.kill(self.supervisor, signal.SIGTERM)

    def stop(self, seconds: float = END_SECONDS) -> int:
        """End it in order: the exit code; negative is the signal that ended it."""
        self.terminate()
        return self.wait(seconds)

    def wait(self, seconds: float = END_SECONDS) -> int:
        """Wait for the end of its supervisor: the exit code."""
        popen = self._popen
        if popen is None:
            raise WorkerTrouble("the worker was not started")
        self.until(lambda: popen.poll() is not None, "its end", seconds)
        return popen.wait()

    def close(self) -> None:
        """Make sure that nothing of it is left."""
        if self._popen is not None:
            family = family_of(self.supervisor) if self.lives else []
            self.kill_group()
            self._popen.wait()
            self.until(lambda: not any(map(lives, family)), "the end of its processes")
            self._log.close()
