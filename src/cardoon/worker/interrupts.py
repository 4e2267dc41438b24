"""How an exception gets into a task that is running in a thread; `lanes.event_loop` has the way into a
coroutine.

A body is open from `enter` to `leave`; whoever runs it says so. Only into an open body is anything
raised, at most once for each `ask`, and nothing of it is left over for the next one.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from types import FrameType
from typing import Any

from cardoon.engines.contract import steps
from cardoon.model.errors import SoftTimeLimitExceeded
from cardoon.worker.coroutines import nudge

SIGNALS_LOST = 8
"""So many signals without an effect, at the keeper's pace, and the main thread is treated as any other."""

_SOON = 1000
"""So many turns of a loop, and what is raised into its thread has come: it comes at the first."""


class MainThread:
    """Into the main thread, by a signal: wherever it is, also in a sleep or a system call.

    A task, or what it imports, may have taken the signal for itself: then as into any other thread.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._reason: str | None = None
        self._open = False
        self._plain = OtherThread()
        signal.signal(signal.SIGALRM, self._raise)

    def enter(self) -> None:
        """A body starts."""
        self._asked = 0
        self._plain.enter()
        self._open = True

    def leave(self) -> None:
        """It ended."""
        self._open = False
        self._reason = None
        self._plain.leave()

    def ask(self, reason: str) -> bool:
        """Raise SoftTimeLimitExceeded in the open body; False when it must be asked again, until it is."""
        if self._asked and self._reason is None:
            return True
        self._asked += 1
        if self._asked > SIGNALS_LOST:
            self._reason = None
            return self._plain.ask(reason)
        self._reason = reason
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        return False

    def _raise(self, _signal: int, _frame: FrameType | None) -> None:
        """Into a step of an engine nothing is raised: when the step ends it asks again."""
        if self._reason is None or not self._open:
            return
        if steps.under_way:
            steps.owed = True
            return
        reason, self._reason = self._reason, None
        raise SoftTimeLimitExceeded(reason)


class OtherThread:
    """Into another thread, between two steps of the interpreter: a call into C is not cut short."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._thread = 0
        self._asked = False
        self._steps: dict[str, Any] = {}

    def enter(self) -> None:
        """See `MainThread.enter`; called in the thread itself."""
        self._steps = steps.__dict__
        self._thread = threading.get_ident()

    def leave(self) -> None:
        """See `MainThread.leave`, in the thread itself; what was asked and has not come yet is taken back."""
        with self._mutex:
            if self._asked:
                _take_back(self._thread)
            self._thread, self._asked = 0, False

    def ask(self, reason: str) -> bool:
        """See `MainThread.ask`; not while the thread is inside a step of an engine."""
        with self._mutex:
            if not self._thread or self._steps.get("under_way"):
                return False
            self._asked = True
            _set_exception(self._thread, _saying(reason))
            nudge(self._thread)
            return True


def _saying(reason: str) -> type[SoftTimeLimitExceeded]:
    """A class whose exceptions say this: into another thread only a class can be raised, not an object."""
    original = SoftTimeLimitExceeded
    names = {"__module__": original.__module__, "__qualname__": original.__qualname__, "__doc__": reason}
    return type(original.__name__, (original,), names)


class _TakenBack(BaseException):
    """In place of what was asked."""


def _take_back(thread: int) -> None:
    """In that thread: let something else come in its place, and catch it.

    To ask for nothing instead would leave the interpreter's flag set for good, which slows every thread, and
    hangs those that are traced (CPython 3.11: only an exception that is raised clears the flag).
    """
    try:
        _set_exception(thread, _TakenBack)
        for _ in range(_SOON):
            pass
    except _TakenBack:
        pass


def _set_exception(thread: int, kind: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
