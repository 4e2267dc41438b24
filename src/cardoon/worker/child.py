"""A worker process as its supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys

import msgspec

from cardoon.engines import silence
from cardoon.model import clock
from cardoon.worker.born import Born, begin
from cardoon.worker.death import Death
from cardoon.worker.link import FROM_PROCESS, Bye, FromProcess, Hello, Leaving, Link, Stop, Told
from cardoon.worker.plan import Orders, Plan
from cardoon.worker.report import own_report
from cardoon.worker.slate import Slate


class Child:
    """One process of a worker. Each start is a new incarnation with an id of its own.

    Raises OSError when the system gives no process, and Born in one that was forked.
    """

    def __init__(self, plan: Plan, number: int, *, again: bool = False) -> None:
        self.worker = clock.new_id()
        self.number = number
        self.started = clock.monotonic()
        self.hello: Hello | None = None
        self.leaving = ""
        self.done, self.left = False, 0.0
        self.overtime = self.frozen = False
        self.stopped_since: float | None = None
        self.asked_for_stacks: float | None = None
        self.slate = Slate()
        ours, theirs = socket.socketpair()
        self.link = Link(ours)
        orders = Orders(
            plan=plan,
            worker=self.worker,
            number=number,
            supervisor=os.getpid(),
            line=theirs.fileno(),
            slate=self.slate.descriptor,
            again=again,
        )
        try:
            process = begin(orders, theirs)
        except Born:
            self.link.close()
            raise
        except OSError:
            self.let_go()
            raise
        finally:
            theirs.close()
        self._popen = None if isinstance(process, int) else process
        self.pid = process if isinstance(process, int) else process.pid
        self.report = msgspec.structs.replace(
            own_report(orders), pid=self.pid, pid_started=silence.process_start(self.pid)
        )

    def hear(self) -> list[FromProcess]:
        """What it says; nothing, and its link not open, at the end of the line."""
        words = self.link.hear(FROM_PROCESS)
        for word in words:
            match word:
                case Hello():
                    self.hello = word
                case Leaving():
                    self.leaving = word.why
                case Told():
                    self.asked_for_stacks = None
                case Bye():
                    self.done, self.left = True, clock.monotonic()
        return words

    def is_dead(self) -> bool:
        """Whether it has ended, of whatever; it is not waited for, so that `end` can ask how."""
        return bool(os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))

    def look_whether_stopped(self) -> None:
        """By a signal; from now on `stopped_for` counts, or not any more."""
        before = self.stopped_since or clock.monotonic()
        self.stopped_since = before if silence.is_stopped(self.pid) else None

    def stopped_for(self) -> float:
        """For how many seconds it has been seen stopped; it costs nothing while it was not."""
        if self.stopped_since is not None:
            self.look_whether_stopped()
        return 0.0 if self.stopped_since is None else clock.monotonic() - self.stopped_since

    def signal(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        if not self.is_dead():
            os.kill(self.pid, number)

    def stop(self) -> None:
        """Let it end when its jobs have; one that is not ready yet has nothing to end in order."""
        if self.hello is None:
            self.signal(signal.SIGKILL)
            return
        self.link.say(Stop())
        self.signal(signal.SIGTERM)

    def end(self) -> Death:
        """Make sure that it is dead, and after a crash all that it started; how it ended."""
        if self.done:
            self.signal(signal.SIGKILL)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if self._popen is not None:
            self._popen.returncode = code
        death = Death(
            worker=self.worker,
            name=self.report.name,
            code=code,
            orderly=self.done,
            peak_memory=_peak(usage),
            log=tuple(self.slate.lines()),
            stack=self.slate.stack(),
            deadline=self.slate.passed(clock.monotonic()),
            overtime=self.overtime,
            forced=self.frozen,
        )
        self.let_go()
        return death

    def let_go(self) -> None:
        """Close what leads to it; for its supervisor, and for those that were forked beside it."""
        self.link.close()
        self.slate.close()

    def left_processes(self) -> bool:
        """Whether something that it started outlives it."""
        try:
            os.killpg(self.pid, 0)
        except OSError:
            return False
        return True


def _peak(usage: resource.struct_rusage) -> int:
    """Bytes. `os.wait4` imports `resource` if nobody has; by then there may be no file that can be opened."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
