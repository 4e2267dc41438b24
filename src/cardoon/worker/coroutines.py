"""Running the body of an `async def` task to its end, from code that is not async."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

Thrown = list[BaseException]
"""What is to be raised in a coroutine that waits."""

_loops = threading.local()
_running: dict[int, asyncio.AbstractEventLoop] = {}
"""The loops that run a body now, by thread."""


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run an `async def` body to its end on this thread's loop; if one runs already, in another thread."""
    import asyncio  # here, so that who only sends does not pay for it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run_to_its_end(_runner(), coroutine)
    return _in_a_thread(coroutine)


def _run_to_its_end(runner: asyncio.Runner, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """In the context of this job, not of the runner's first one.

    What a signal handler raises while the loop sleeps is raised in the coroutine, where it waits: nothing
    of it may live on in the next job.
    """
    thrown: Thrown = []
    loop = runner.get_loop()
    task = loop.create_task(through(coroutine, thrown), context=contextvars.copy_context())
    _running[threading.get_ident()] = loop
    try:
        while True:
            try:
                return loop.run_until_complete(task)
            except BaseException as error:
                if task.done():
                    raise
                thrown.append(error)
                task.cancel()
    finally:
        del _running[threading.get_ident()]


async def through(coroutine: Coroutine[Any, Any, Any], thrown: Thrown) -> Any:
    """Await a coroutine; when this task is cancelled, what was `thrown` meanwhile is raised in it instead."""
    return await Driven(coroutine, thrown)


def nudge(thread: int) -> None:
    """Let the loop of that thread turn once, if it sleeps in one: what waits for the thread is raised."""
    loop = _running.get(thread)
    if loop is not None:
        with contextlib.suppress(RuntimeError):  # it was closed a moment ago
            loop.call_soon_threadsafe(_nothing)


def _nothing() -> None:
    """What a nudge runs."""


class Driven:
    """A coroutine to await, which meets a thrown error where asyncio says that it was cancelled."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], thrown: Thrown) -> None:
        self.driven = coroutine
        self._thrown = thrown

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = partial(self.driven.send, None)
        while True:
            try:
                waits_for = step()
            except StopIteration as end:
                return end.value
            try:
                step = partial(self.driven.send, (yield waits_for))
            except BaseException as error:
                step = partial(self.driven.throw, self._instead_of(error))

    def _instead_of(self, error: BaseException) -> BaseException:
        import asyncio

        if not (self._thrown and isinstance(error, asyncio.CancelledError)):
            return error
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        return self._thrown.pop()


def _runner() -> asyncio.Runner:
    import asyncio

    runner: asyncio.Runner | None = getattr(_loops, "runner", None)
    if runner is None:
        runner = _loops.runner = asyncio.Runner()
    return runner


def _in_a_thread(coroutine: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    ends: list[Any] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            ends.append((context.run(asyncio.run, coroutine), None))
        except BaseException as error:
            ends.append((None, error))

    thread = threading.Thread(target=run, name="cardoon-coroutine")
    thread.start()
    thread.join()
    value, error = ends[0]
    if error is not None:
        raise error
    return value


def close_loop() -> None:
    """Close the loop of this thread, if it ran a coroutine; for threads that end before their process."""
    runner: asyncio.Runner | None = _loops.__dict__.pop("runner", None)
    if runner is not None:
        runner.close()
