"""The processes of a system: one that sends, and its workers."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import interpreter
from benchmarks.peers.registry import System
from benchmarks.place import ROOT
from benchmarks.processes import plain_environment, tree

ANSWER_SECONDS = 60.0
_ENDING_SECONDS = 1.0
_SHOWN_CHARACTERS = 300


class Trouble(Exception):
    """A system did not do what was asked of it."""


class Place:
    """Where the jobs of one system are: the URL of an empty server, if it needs one, and an empty folder."""

    def __init__(self, system: System, url: str, folder: Path) -> None:
        self.system, self.folder = system, folder
        self._url = url

    def environment(self, at_once: int) -> Mapping[str, str]:
        return {
            **plain_environment(),
            "PYTHONPATH": str(ROOT),
            "PEER_URL": self._url,
            "PEER_FOLDER": str(self.folder),
            "PEER_AT_ONCE": str(at_once),
            "PEER_FLAVOUR": self.system.flavour,
        }

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def trouble(self, what: str) -> Trouble:
        said = self.log.read_text("utf-8", "replace").strip() if self.log.exists() else ""
        last = said.splitlines()[-1][:_SHOWN_CHARACTERS] if said else ""
        return Trouble(f"{what}{'; it said: ' if last else ''}{last}")


class Sender:
    """The process that sends, run by the system's interpreter."""

    def __init__(self, place: Place, at_once: int = 0) -> None:
        self._place = place
        command = [str(interpreter(place.system)), "-m", "benchmarks.peers.producer", place.system.adapter]
        with place.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=place.folder,
                env=place.environment(at_once),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def __call__(self, command: str, *values: Any) -> Any:
        """Its answer; raises Trouble for an error and for none at all."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):  # it ended, which the missing answer tells
            self._process.stdin.write(json.dumps([command, *values]).encode() + b"\n")
        answer = _line(self._process.stdout.fileno(), ANSWER_SECONDS)
        if not answer:
            raise self._place.trouble(self._no_answer(command))
        good, value = json.loads(answer)
        if not good:
            raise self._place.trouble(f"{command}: {value}")
        return value

    def _no_answer(self, command: str) -> str:
        try:
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return f"{command} was not done within {ANSWER_SECONDS:g} s"
        return f"{command}: the process that sends ended"

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _line(descriptor: int, seconds: float) -> bytes:
    """What comes up to the end of a line; empty when nothing comes in time, or nothing more."""
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            piece = os.read(descriptor, 65_536) if selector.select(seconds) else b""
            if not piece:
                return b""
            line += piece
    return line


@contextmanager
def working(place: Place, commands: Sequence[Sequence[str]], at_once: int) -> Iterator[list[int]]:
    """The worker of a system, killed with all that it started at the end: the pids of its first processes."""
    with place.log.open("ab") as log:
        started = [
            subprocess.Popen(
                command,
                cwd=place.folder,
                env=place.environment(at_once),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for command in commands
        ]
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """It, what it started, and what its session holds besides."""
    family = tree(process.pid) if process.poll() is None else []
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
