"""The signals of a supervisor, as something that a selector can wait for."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD)


class Signals:
    """Takes the watched signals from now on; `arrived` hands them over in order."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in WATCHED:
            signal.signal(number, _leave_it_to_the_selector)

    def fileno(self) -> int:
        """What a selector watches."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Let a selector that waits find something, without a signal; from any thread."""
        with suppress(BlockingIOError):
            self._writer.send(b"\0")

    def arrived(self) -> list[int]:
        """The signals since it was last asked."""
        try:
            return [number for number in self._reader.recv(256) if number in WATCHED]
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Take no more."""
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()


def _leave_it_to_the_selector(_number: int, _frame: object) -> None:
    """Its number is in the socket already: the interpreter wrote it there."""
