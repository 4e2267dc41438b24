"""Engines to try: by name, in a place that pytest removes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon.testing.conformance import Arena, arena_for
from cardoon.testing.conformance.hands import Crew

ENGINES = ("memory", "sqlite")


def url_of(engine: str, folder: Path) -> str:
    return "memory://" if engine == "memory" else f"sqlite:///{folder}/jobs.db"


@pytest.fixture(params=ENGINES)
def arena(request: pytest.FixtureRequest, tmp_path: Path) -> Arena:
    return arena_for(url_of(request.param, tmp_path))


@pytest.fixture(params=ENGINES)
def fast_arena(request: pytest.FixtureRequest, tmp_path: Path) -> Arena:
    """For tests that ask what a verb does, thousands of times, and not whether it outlives a power cut."""
    options = "?profile=fast" if request.param == "sqlite" else ""
    return arena_for(url_of(request.param, tmp_path) + options)


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    crew = Crew()
    yield crew
    crew.close()
