"""The life of a private server: on a free port of this machine, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from cardoon.model import clock
from cardoon.model.errors import CardoonError
from cardoon.testing.faults.processes import family_of, go_on, kill, lives, only_on_linux, stop, stopped
from cardoon.testing.faults.servers.ports import HOST, free_port
from cardoon.testing.faults.servers.programs import version_of

READY_SECONDS = 90.0
END_SECONDS = 30.0
_TIMES_ASKED = 15
_TRIES = 3
_LOOK_SECONDS = 0.01
_SHOWN_LINES = 20
_KEEPER = Path(__file__).with_name("keeper.py")
_all: weakref.WeakSet[Server] = weakref.WeakSet()


class ServerTrouble(CardoonError):
    """The server did not do in time what was waited for; the message ends with its last log lines."""


class Server(ABC):
    """A server that nobody else uses; started by `start()` or by `with`, and gone with the block.

    Unless `durable` is false it answers nothing that is not on the disk. `settings` are added to its own,
    in its words. It ends, and its folder with it, also when this process is killed. `programs` is the folder
    of its programs, such as those of another version; without it they are found on this machine.

    Another kind of server is a subclass with its `url`, `find_programs`, `command` and `answers`.
    """

    user = ""
    """Who runs it; empty for the user of this process."""
    end_signal = signal.SIGTERM
    """What ends it in order."""

    def __init__(self, *, durable: bool = True, settings: Mapping[str, str] = {}, programs: str = "") -> None:
        only_on_linux("a private server")
        self.programs = str(Path(programs).resolve()) if programs else ""
        self.find_programs()
        self.durable = durable
        self.settings = dict(settings)
        self.is_shared = False
        """Whether others use it at the same time: then `server_at` does not tell it, and no law kills it."""
        self.port = 0
        self._pid = 0
        self._keeper: subprocess.Popen[str] | None = None
        _all.add(self)
        self.folder = Path()
        """Where it keeps everything; made by the first start, removed by `close`."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where an engine finds it."""

    @abstractmethod
    def find_programs(self) -> None:
        """Raises CannotInject where they are missing."""

    def prepare(self) -> None:
        """Make what it needs in its fresh folder, before the first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """What is to be run, and stays in the foreground."""

    @abstractmethod
    def answers(self, line: socket.socket) -> bool:
        """Whether it answers on a fresh connection that it does its work."""

    # -- beginning and ending

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """Start it, and wait until it answers; one that runs is left alone."""
        if self.lives:
            return self
        try:
            if self._keeper is None:
                self._settle_down()
            else:
                self._run()
        except BaseException:
            self.close()
            raise
        return self

    def stop(self) -> None:
        """End it in order, as an operator does; its port and data stay its own."""
        self._end(self._ask_to_end, may_be_deaf=True)

    def kill(self) -> None:
        """SIGKILL to all of its processes at once; its port and data stay its own."""
        self._end(lambda: kill(*family_of(self.pid)))

    def restart(self) -> None:
        """Start it again, on the same port and with the same data; one that runs is stopped in order."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it at once and remove its folder."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        family = family_of(self._pid) if lives(self._pid) else []
        kill(*family)
        with suppress(BrokenPipeError):
            keeper.communicate()
        _until(lambda: not any(map(lives, family)))
        shutil.rmtree(self.folder, ignore_errors=True)  # where its keeper could not
        self._pid = self.port = 0

    # -- harm that passes

    def freeze(self) -> None:
        """It stands still, with all that it holds: it accepts connections and never answers."""
        stop(*family_of(self.pid))

    def thaw(self) -> None:
        """It goes on."""
        go_on(*family_of(self.pid))

    @contextmanager
    def frozen(self) -> Generator[None]:
        """It stands still inside the block."""
        with stopped(*family_of(self.pid)):
            yield

    # -- looking

    @property
    def lives(self) -> bool:
        """Whether it runs or stands still."""
        return bool(self._pid) and lives(self._pid)

    @property
    def pid(self) -> int:
        """Of its first process."""
        if not self.lives:
            raise self._trouble("the server does not run; call start(), or use it in a `with`")
        return self._pid

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return HOST, self.port

    @property
    def version(self) -> str:
        """Product and number, as its program tells them."""
        return version_of(self.command()[0])

    @property
    def log(self) -> str:
        """What it logged so far."""
        try:
            return (self.folder / "log").read_text("utf-8", "replace")
        except OSError:
            return ""

    # -- inside

    def _settle_down(self) -> None:
        """The first start: a folder, a port that is free, and whoever takes care of both."""
        self.folder = Path(tempfile.mkdtemp(prefix="cardoon-server-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER), str(self.folder), self.user],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.prepare()
        self._run_on_a_free_port()

    def _run_on_a_free_port(self) -> None:
        for left in reversed(range(_TRIES)):
            self.port = free_port()
            try:
                self._run()
                break
            except ServerTrouble:
                if not left or self.lives:
                    raise  # else somebody took the port in the meantime

    def _run(self) -> None:
        self._pid = self._tell(self.command())
        deadline = clock.monotonic() + READY_SECONDS
        while not self._ready():
            if not lives(self._pid):
                raise self._trouble("the server ended before it answered")
            if clock.monotonic() > deadline:
                raise self._trouble(f"the server did not answer within {READY_SECONDS:g} s")
            clock.sleep(_LOOK_SECONDS)

    def _ready(self) -> bool:
        try:
            with socket.create_connection(self.address, 1.0) as line:
                return self.answers(line)
        except OSError:
            return False

    def _ask_to_end(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, self.end_signal)

    def _end(self, harm: Callable[[], None], *, may_be_deaf: bool = False) -> None:
        """A Redis that writes its first file when it is asked to end forgets it: it is asked again."""
        if not self.lives:
            return
        family = family_of(self._pid)
        harm()
        for _ in range(_TIMES_ASKED * may_be_deaf):
            if _until(lambda: not self.lives, END_SECONDS / _TIMES_ASKED):
                break
            harm()
        if not _until(lambda: not any(map(lives, family))):
            raise self._trouble(f"the server did not end within {END_SECONDS:g} s")
        self._tell(None)
        self._pid = 0

    def _tell(self, command: list[str] | None) -> int:
        keeper = self._keeper
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            raise self._trouble("the server was closed")
        keeper.stdin.write(json.dumps(command) + "\n")
        keeper.stdin.flush()
        return int(keeper.stdout.readline())

    def _trouble(self, what: str) -> ServerTrouble:
        last = "\n".join(self.log.splitlines()[-_SHOWN_LINES:])
        return ServerTrouble(f"{what}; its log ends with\n{last}" if last else what)


def server_at(host: str, port: int) -> Server | None:
    """The private server of this process that has this address; None for one that is not ours to harm."""
    ours = (server for server in _all if server.address == (host, port) and not server.is_shared)
    return next(ours, None)


def _until(fact: Callable[[], bool], seconds: float = END_SECONDS) -> bool:
    deadline = clock.monotonic() + seconds
    while not fact():
        if clock.monotonic() > deadline:
            return False
        clock.sleep(_LOOK_SECONDS)
    return True
