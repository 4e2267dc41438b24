"""Applications and a worker in this process, for the tests of what tasks can do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cardoon import Cardoon
from cardoon.model import clock
from cardoon.model.outcome import Outcome
from cardoon.worker.execution import execute

Drain = Callable[..., list[Outcome]]
Package = Callable[..., str]


class Ahead:
    """A clock that runs as the real one does and can be moved on; no chance about it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(self) -> float:
        return time.time() + self.seconds

    def monotonic(self) -> float:
        return time.monotonic() + self.seconds

    def random(self) -> float:
        return 1.0

    def move(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def ahead() -> Iterator[Ahead]:
    source = Ahead()
    with clock.use(source):
        yield source


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest) -> Cardoon:
    """An application on each engine."""
    made: Cardoon = request.getfixturevalue({"memory": "memory_app", "sqlite": "app"}[request.param])
    return made


@pytest.fixture
def drain() -> Drain:
    """`drain(app)`: run what is ready as a worker does, one after the other; the outcomes in their order."""

    def run(app: Cardoon, most: int = 1_000) -> list[Outcome]:
        ends: list[Outcome] = []
        while len(ends) < most and (claims := app.engine.claim("worker", None, 1)):
            end = execute(app, claims[0])
            assert app.engine.settle([(claims[0], end)]) == []
            ends.append(end)
        return ends

    return run


@pytest.fixture
def eager() -> Cardoon:
    """An application that runs each job where it is sent."""
    return Cardoon("eager", url="memory://", task_always_eager=True)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """`package(name, {file: text})`: an importable package for this test alone."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, files: dict[str, str] | None = None) -> str:
        folder = tmp_path / name
        for file, text in {"__init__.py": "", **(files or {})}.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        return name

    yield write
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[module]
