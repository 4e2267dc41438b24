"""What a task forks is no worker: it must not come back out of the body and go on as one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback

_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
"""What a worker process handles, and what it forks must die of: its parent ends it so."""

generation = 0
"""Another number in each process that was forked; unlike `os.getpid`, it costs no system call to look."""


def leave_fork() -> None:
    """End this process, which a body forked and then returned or raised in; the job goes on in its parent.

    Its exit code is 1 after an exception, whose traceback is printed, and 0 otherwise.
    """
    error = sys.exception()
    with contextlib.suppress(Exception):
        if error is not None:
            traceback.print_exception(error)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0 if error is None else 1)


def obey_no_more() -> None:
    """From now on a forked process is born with the usual signal handlers, not those of a worker.

    A signal that comes while it is born waits until it has them: a `multiprocessing.Pool` that is done
    soon ends processes that have only begun.
    """
    os.register_at_fork(before=_hold, after_in_parent=_let_through, after_in_child=_be_born)


class _Masks(threading.local):
    before: set[signal.Signals]


_masks = _Masks()


def _begin_generation() -> None:
    global generation
    generation += 1


os.register_at_fork(after_in_child=_begin_generation)


def _hold() -> None:
    _masks.before = {signal.Signals(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)}


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)


def _be_born() -> None:
    for number in _OURS:
        signal.signal(number, signal.SIG_DFL)
    _let_through()
