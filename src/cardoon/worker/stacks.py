"""Where every thread and every coroutine of this process stands, as text for the log."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any


def stacks() -> str:
    """All of them, the innermost call last."""
    return "\n".join([*_of_threads(), *_of_coroutines()])


def _of_threads() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        yield f"-- thread {names.get(ident, ident)}"
        yield "".join(traceback.format_stack(frame)).rstrip()


def _of_coroutines() -> Iterator[str]:
    """The set of tasks belongs to the loops' own threads: it may change under our eyes."""
    asyncio = sys.modules.get("asyncio.tasks")
    try:
        tasks = list(getattr(asyncio, "_all_tasks", ()))
    except RuntimeError:
        return
    for task in tasks:
        if not task.done():
            yield f"-- coroutine {task.get_name()}"
            yield "".join(traceback.format_list(list(_waiting_in(task.get_coro())))).rstrip()


def _waiting_in(coroutine: Any) -> Iterator[traceback.FrameSummary]:
    """The frames of a coroutine that waits, of that for which it waits, and so on."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield traceback.FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        driven = getattr(frame.f_locals.get("self"), "driven", None)
        awaited = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
        coroutine = driven if driven is not None and driven is not coroutine else awaited
