"""The line between a supervisor and one of its processes: a pair of sockets, one JSON word a line."""

from __future__ import annotations

import socket
import threading
from typing import TypeVar

import msgspec

W = TypeVar("W")

SAY_SECONDS = 2.0
"""So long a full line may stay full before it counts as broken."""


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a process says once it has the application."""

    app: str
    url: str
    profile: str
    retention: float | None
    shutdown_timeout: float
    processes: int | None = None


class Leaving(msgspec.Struct, frozen=True, tag=True):
    """It has lived long enough, and why: it takes no more jobs, another may be started in its place."""

    why: str


class Bye(msgspec.Struct, frozen=True, tag=True):
    """It ends in order: an exit code alone may be a task's own `os._exit(0)`."""


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Claim nothing more, and end when your jobs have; said beside the signal, which tasks may ignore."""


class Quiet(msgspec.Struct, frozen=True, tag=True):
    """Claim nothing more, or claim again."""

    quiet: bool


class End(msgspec.Struct, frozen=True, tag=True):
    """End this job, which somebody cancelled while it runs."""

    job: str


class Mourn(msgspec.Struct, frozen=True, tag=True):
    """Tell the hooks of these tasks of jobs whose process could not do so any more."""

    jobs: list[str]


class Stacks(msgspec.Struct, frozen=True, tag=True):
    """Write into the log where everything stands."""


class Told(msgspec.Struct, frozen=True, tag=True):
    """It has written where everything stands."""


FromProcess = Hello | Leaving | Bye | Told
ToProcess = Stop | Quiet | End | Mourn | Stacks
FROM_PROCESS: msgspec.json.Decoder[FromProcess] = msgspec.json.Decoder(FromProcess)
TO_PROCESS: msgspec.json.Decoder[ToProcess] = msgspec.json.Decoder(ToProcess)


class Link:
    """One end of the line. `said` is False once the other end is gone."""

    def __init__(self, line: socket.socket) -> None:
        line.settimeout(SAY_SECONDS)
        self._line = line
        self._rest = b""
        self._mouth = threading.Lock()
        self.open = True

    def fileno(self) -> int:
        """What a selector watches."""
        return self._line.fileno()

    def say(self, word: FromProcess | ToProcess) -> None:
        """Send a word, from any thread; nobody may be there any more to hear it, or have time to."""
        try:
            with self._mouth:
                self._line.sendall(msgspec.json.encode(word) + b"\n")
        except OSError:
            self.open = False

    def hear(self, words: msgspec.json.Decoder[W]) -> list[W]:
        """Those of these words that came; waits for some unless told not to. Without any, and not `open`
        any more: the other end is gone.
        """
        try:
            data = self._line.recv(65_536)
        except (BlockingIOError, TimeoutError):
            return []
        except OSError:  # a process that dies with our words unread resets the line
            data = b""
        self.open = bool(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [words.decode(line) for line in lines]

    def hear_no_more(self) -> None:
        """From now on only what has been said already is heard."""
        self._line.setblocking(False)

    def close(self) -> None:
        """Let go of this end."""
        self._line.close()
