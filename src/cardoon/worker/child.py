"""A worker process as its supervisor sees it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import msgspec

from cardoon.engines import silence
from cardoon.model import clock
from cardoon.worker.plan import Hello, Orders, Plan
from cardoon.worker.process import BYE, own_report


class Child:
    """One process of a worker. Each start is a new incarnation with an id of its own."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.worker = clock.new_id()
        self.number = number
        self.started = clock.monotonic()
        self.hello: Hello | None = None
        self.done, self.left = False, 0.0
        self.link, theirs = socket.socketpair()
        orders = Orders(
            plan=plan, worker=self.worker, number=number, supervisor=os.getpid(), socket=theirs.fileno()
        )
        command = [sys.executable, "-m", "cardoon.worker.process", msgspec.json.encode(orders).decode()]
        self.popen = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        pid = self.popen.pid
        self.report = msgspec.structs.replace(
            own_report(orders), pid=pid, pid_started=silence.process_start(pid)
        )

    def hear(self) -> bool:
        """Take in what it says; False at the end of the line, and when it has nothing to say just now."""
        try:
            data = self.link.recv(65_536)
        except OSError:
            return False
        if data.endswith(BYE):
            self.done, self.left = True, clock.monotonic()
        words = data.removesuffix(BYE)
        if words and self.hello is None:
            self.hello = msgspec.json.decode(words, type=Hello)
        return bool(data)

    def hear_last_words(self) -> None:
        """It is dead: hear what it said before, without waiting for more."""
        self.link.setblocking(False)
        while self.hear():
            pass

    def signal(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    def end(self) -> int:
        """Make sure that it is dead; its exit code, or the negative number of the signal that ended it."""
        self.link.close()
        self.signal(signal.SIGKILL)
        return self.popen.wait()
