"""The office goes on with its rounds whatever interrupts its sleep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from cardoon.testing import faults

PATIENCE_SECONDS = 30
STOPPED_SECONDS = 1.0
OFFICE = """\
import signal
import sys
import threading

from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.worker.office import Office
from cardoon.worker.undertaker import Undertaker


class Round:
    every = 0.2
    done = threading.Event()

    def run(self):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})  # here alone: this thread gets it
        self.done.set()


engine = connect("memory://")
office = Office(engine, Undertaker(engine, Events()), lambda jobs: True)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
office.open([Round()])
Round.done.wait()
print("open", flush=True)
sys.stdin.readline()
for _ in range(3):
    Round.done.clear()
    if not Round.done.wait(10):
        sys.exit("it makes no more rounds")
"""


def test_a_signal_that_comes_when_its_sleep_should_long_be_over_does_not_keep_it_asleep() -> None:
    """So it is when a worker was stopped with its processes, and they all go on."""
    words = [sys.executable, "-c", OFFICE]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as office:
        assert office.stdout
        assert office.stdout.readline() == b"open\n"
        faults.stop(office.pid)
        os.kill(office.pid, signal.SIGCHLD)
        faults.stop_for(STOPPED_SECONDS, office.pid)
        office.communicate(b"go on\n", timeout=PATIENCE_SECONDS)
        assert office.returncode == 0
