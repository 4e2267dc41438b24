"""How a process of a worker comes to be: forked as long as its supervisor has one thread, else spawned.

A forked one has all of Cardoon imported, in memory that it shares with the others, and nothing of the user's,
as a supervisor imports none of it. Beside other threads a fork could copy a lock for ever locked, without the
thread that would let go of it (docs/decisions/0017).
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cardoon.worker import exits
from cardoon.worker.plan import Orders
from cardoon.worker.signals import WATCHED

if TYPE_CHECKING:
    from socket import socket
    from subprocess import Popen

_THREADS = Path("/proc/self/task")


class Born(BaseException):
    """Raised in a process that was just forked: it leaves all that its supervisor was about to do."""

    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self.orders = orders


def begin(orders: Orders, line: socket) -> int | Popen[bytes]:
    """Start a process, in a process group of its own, so that what a task leaves behind can be ended with it:
    its pid if it was forked. Raises OSError when the system gives none, and Born in the forked one itself.
    """
    if not _is_single():
        return _spawn(orders)
    pid = _fork(line)
    if not pid:
        raise Born(orders)
    with suppress(OSError):
        os.setpgid(pid, pid)  # here too: whoever is first, it is done before anybody relies on it
    return pid


def _is_single() -> bool:
    """Whether this process has one thread, counting those that Python does not know; no if none can tell."""
    try:
        return len(list(_THREADS.iterdir())) == 1
    except OSError:
        return False


def _spawn(orders: Orders) -> Popen[bytes]:
    import subprocess  # here: most workers start without it

    return subprocess.Popen(
        [sys.executable, "-m", "cardoon.worker.process", msgspec.json.encode(orders).decode()],
        stdin=subprocess.DEVNULL,
        pass_fds=[orders.line, orders.slate],
        process_group=0,
    )


def _fork(line: socket) -> int:
    """As os.fork; no signal is handled by the wrong process."""
    gc.freeze()  # what is there is shared for as long as nobody writes to it, as collections would
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        pid = os.fork()
        if not pid:
            _begin_anew(line)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _begin_anew(line: socket) -> None:
    """As a fresh interpreter would: its own group, the usual signal handlers, nothing to read.

    Ends the process where that cannot be had: an error must not reach its supervisor's code a second time.
    """
    try:
        signal.set_wakeup_fd(-1)
        for number in WATCHED:
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
        os.setpgid(0, 0)
        _read_nothing()
        line.detach()
    except BaseException:
        os._exit(exits.CRASHED)


def _read_nothing() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    if nothing:
        os.dup2(nothing, 0)
        os.close(nothing)
