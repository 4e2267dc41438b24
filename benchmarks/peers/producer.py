"""The process that sends: `python -m benchmarks.peers.producer ADAPTER`, run by the system's own interpreter.

For each line, a JSON list of a command and its values, it prints a JSON answer.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import random
import sys
import time
from collections.abc import Callable
from importlib import import_module, metadata
from types import ModuleType
from typing import Any

_CALLS_SECONDS = 5.0


class Producer:
    """`adapter` is a module of `systems`."""

    def __init__(self, adapter: ModuleType, runner: asyncio.Runner) -> None:
        self._adapter, self._runner = adapter, runner

    def versions(self) -> dict[str, str]:
        return {name: metadata.version(name) for name in self._adapter.PACKAGES}

    def workers(self) -> list[list[str]]:
        commands: list[list[str]] = self._adapter.workers()
        return commands

    def prepare(self) -> None:
        self._optional("prepare")

    def connect(self) -> None:
        self._optional("connect")

    def _optional(self, name: str) -> None:
        if hasattr(self._adapter, name):
            self._run(getattr(self._adapter, name))

    def send(self, number: int) -> float:
        """Seconds to send so many, one after the other."""
        return self._timed(self._adapter.send, [(i,) for i in range(number)])

    def send_many(self, number: int) -> float | None:
        """Seconds to send so many at once; None where there is no way to."""
        many = getattr(self._adapter, "send_many", None)
        return None if many is None else self._timed(many, [(number,)])

    def nap(self, number: int) -> float:
        return self._timed(self._adapter.nap, [()] * number)

    def hold(self, number: int) -> float:
        return self._timed(self._adapter.hold, [(i,) for i in range(number)])

    def call(self, number: int, pause: float) -> list[float]:
        """The seconds of so many calls, with such a pause before each; fewer where they take long."""
        taken: list[float] = []
        while len(taken) < number and sum(taken) < _CALLS_SECONDS:
            taken.append(self._called(pause * random.uniform(0.75, 1.25)))
        return taken

    def _called(self, pause: float) -> float:
        if pause:
            time.sleep(pause)
        return self._timed(self._adapter.call, [()])

    def _timed(self, function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> float:
        if inspect.iscoroutinefunction(function):
            return self._runner.run(_timed_async(function, calls))
        begun = time.perf_counter()
        for values in calls:
            function(*values)
        return time.perf_counter() - begun

    def _run(self, function: Callable[[], Any]) -> None:
        if inspect.iscoroutinefunction(function):
            self._runner.run(function())
        else:
            function()


async def _timed_async(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> float:
    begun = time.perf_counter()
    for values in calls:
        await function(*values)
    return time.perf_counter() - begun


def _loop_factory() -> Any:
    try:
        return import_module("uvloop").new_event_loop
    except ImportError:
        return None


def main() -> None:
    """Answer until nobody asks any more."""
    with os.fdopen(os.dup(1), "w") as answers, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        os.dup2(2, 1)  # what a system prints is no answer
        producer = Producer(import_module(f"benchmarks.peers.systems.{sys.argv[1]}"), runner)
        for line in sys.stdin:
            command, *values = json.loads(line)
            try:
                answer = [True, getattr(producer, command)(*values)]
            except Exception as error:
                answer = [False, f"{type(error).__name__}: {error}"]
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
