"""Tasks that misbehave in every way we know; the journeys copy this file into a project of their own."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import locale
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cardoon import Cardoon

app = Cardoon("trouble", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")

Body = Callable[..., Any]


def task(body: Body | None = None, **options: Any) -> Any:
    """Declare a body as a `def` task, and once more as an `async def` one called `async_...`."""
    if body is None:
        return lambda body: task(body, **options)

    async def on_the_loop(*args: Any) -> Any:
        return body(*args)

    app.task(name=f"trouble.{body.__name__}", typing=False, **options)(body)
    app.task(name=f"trouble.async_{body.__name__}", typing=False, **options)(on_the_loop)
    return body


@task
def fine() -> str:
    return "fine"


@task
def pid() -> int:
    return os.getpid()


# -- ends its process


@task
def segfault() -> None:
    logging.getLogger("trouble").warning("about to touch what is not there")
    ctypes.string_at(0)


@task
def leave_with(code: int) -> None:
    os._exit(code)


@task
def close_all_files() -> None:
    os.closerange(3, 1000)


@task
def kill_yourself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# -- raises something odd


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Shapeless(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no shape")

    __str__ = __repr__


class Heavy(Exception):
    """Holds what no serializer takes."""

    def __init__(self) -> None:
        super().__init__(threading.Lock(), Path(os.devnull).open())  # noqa: SIM115


class Beyond(BaseException):
    """No Exception at all."""


RAISED: dict[str, Callable[[], BaseException]] = {
    "SystemExit": lambda: SystemExit("enough"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "Beyond": lambda: Beyond("the usual"),
    "Mute": Mute,
    "Shapeless": Shapeless,
    "Heavy": Heavy,
    "MemoryError": MemoryError,
    "Cyclic": lambda: _cyclic(),
    "ExceptionGroup": lambda: ExceptionGroup("both", [ValueError("one"), OSError("two")]),
}


class Cyclic(Exception):
    """Its own cause."""


def _cyclic() -> BaseException:
    error = Cyclic()
    error.__cause__ = error
    error.args = (error,)
    return error


@task
def throw(kind: str) -> None:
    raise RAISED[kind]()


@task
def leave_politely() -> None:
    sys.exit(3)


@task
def recurse() -> None:
    recurse()


@task
def flood() -> None:
    kept = []
    while True:
        kept.append(bytearray(16 * 2**20))


# -- returns something odd


@task
def give_object() -> object:
    return object()


@task
def give_much(size: int) -> bytes:
    return b"x" * size


class Trap:
    def __reduce__(self) -> Any:
        raise RuntimeError("a trap")

    def __repr__(self) -> str:
        raise RuntimeError("a trap")


@task
def give_trap() -> object:
    return Trap()


# -- takes too long


@task(time_limit=0.4)
def loop_for_ever() -> None:
    while True:
        pass


@task(time_limit=0.4)
def sleep_for_ever() -> None:
    time.sleep(3600)


@task(time_limit=0.4)
def hold_the_interpreter() -> None:
    """A call into C that never lets go of the GIL."""
    ctypes.PyDLL(None).sleep(3600)


@task(time_limit=0.4)
def compare_for_ever() -> None:
    """The same with nothing but the interpreter's own code."""
    sum(range(10**15))


# -- changes what is not its own


@task
def ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        with suppress(ValueError):  # only the main thread may
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})


@task
def move_away(folder: str) -> str:
    os.chdir(folder)
    os.umask(0o777)
    locale.setlocale(locale.LC_ALL, "C")
    return str(Path.cwd())


@task
def come_back(folder: str) -> None:
    os.chdir(folder)
    os.umask(0o022)


@task
def forget_the_environment() -> None:
    os.environ.clear()


@task
def forget_modules() -> None:
    for name in [name for name in sys.modules if name.startswith(("json", "traceback", "logging"))]:
        del sys.modules[name]


@task
def let_go_of_the_engine() -> None:
    """As the watch does when a call does not answer."""
    app.engine.close()


@task
def lower_the_recursion_limit() -> int:
    for limit in range(1, 1000):
        with suppress(RecursionError):
            sys.setrecursionlimit(limit)
            return limit
    return 0


@task
def silence_logging() -> None:
    logging.shutdown()
    logging.basicConfig(force=True, level=logging.CRITICAL)
    logging.disable(logging.CRITICAL)


@task
def close_output() -> None:
    sys.stdout.close()
    sys.stderr.close()


@task
def close_standard_descriptors() -> None:
    os.closerange(0, 3)


@task
def print_much(megabytes: int) -> None:
    line = "x" * 1023 + "\n"
    for _ in range(megabytes * 1024):
        sys.stdout.write(line)


@task
def read_input() -> str:
    return sys.stdin.read()


@task
def turn_off_collection() -> None:
    gc.disable()
    sys.setswitchinterval(5)


# -- leaves something behind


@task
def start_threads(count: int) -> None:
    for number in range(count):
        threading.Thread(target=threading.Event().wait, name=f"left-{number}").start()


@task
def start_process() -> int:
    return subprocess.Popen(["sleep", "600"]).pid


@task
def fork_and_leave() -> int:
    """The child outlives the job, with all that it inherited."""
    child = os.fork()
    if not child:
        time.sleep(600)
        os._exit(0)
    return child


@task
def fork_and_return() -> str:
    """The child runs on into code that is not its own."""
    child = os.fork()
    if not child:
        return "the child"
    _, status = os.waitpid(child, 0)
    return f"the parent, after a child with {status}"


@task
def fork_and_raise() -> str:
    child = os.fork()
    if not child:
        raise RuntimeError("the child")
    _, status = os.waitpid(child, 0)
    return f"the parent, after a child with {status}"


# -- holds up others


@app.task(name="trouble.block_the_loop")
async def block_the_loop(seconds: float) -> None:
    time.sleep(seconds)


@app.task(name="trouble.never_cancelled", time_limit=1.0, soft_time_limit=0.2)
async def never_cancelled() -> None:
    while True:
        with suppress(BaseException):
            await asyncio.sleep(3600)


# -- what the next job meets


@app.task(name="trouble.soft", soft_time_limit=0.2)
def soft() -> str:
    try:
        time.sleep(30)
    except Exception as error:
        return type(error).__name__
    return "never"


@app.task(name="trouble.async_soft", soft_time_limit=0.2)
async def async_soft() -> str:
    try:
        await asyncio.sleep(30)
    except Exception as error:
        return type(error).__name__
    return "never"
