"""What a task forks is no worker: it must not come back out of the body and go on as one."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback


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
