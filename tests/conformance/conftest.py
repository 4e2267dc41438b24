"""Engines to try: by name, in a fresh place for each law; files are removed by pytest, servers are shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import servers

from cardoon.engines.urls import BUILT_IN
from cardoon.testing.conformance import Arena, arena_for
from cardoon.testing.conformance.hands import Crew
from cardoon.testing.conformance.reach import SERVER

SCHEMES = {"memory": "memory", "sqlite": "sqlite", "postgres": "postgresql", "redis": "redis"}
ENGINES = tuple(engine for engine, scheme in SCHEMES.items() if scheme in BUILT_IN)
KEPT_QUICKLY = {"sqlite": "profile=fast", "postgres": "profile=fast"}
"""Options for tests that ask what a verb does, thousands of times, and not what outlives a power cut."""


def url_of(engine: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if engine == "memory":
        return "memory://"
    if engine == "sqlite":
        return f"sqlite:///{folder}/jobs.db"
    law = request.node.callspec.params.get("law")
    is_killed = law is not None and SERVER in law.needs
    return str(request.getfixturevalue(f"{engine}_to_kill" if is_killed else f"{engine}_url"))


@pytest.fixture(scope="session")
def postgres_to_kill() -> Iterator[str]:
    with servers.url_of("postgres", is_shared=False) as url:
        yield url


@pytest.fixture(scope="session")
def redis_to_kill() -> Iterator[str]:
    with servers.url_of("redis", is_shared=False) as url:
        yield url


@pytest.fixture(params=ENGINES)
def arena(request: pytest.FixtureRequest, tmp_path: Path) -> Arena:
    return arena_for(url_of(request.param, tmp_path, request))


@pytest.fixture(params=ENGINES)
def fast_arena(request: pytest.FixtureRequest, tmp_path: Path) -> Arena:
    url = url_of(request.param, tmp_path, request)
    option = KEPT_QUICKLY.get(request.param, "")
    return arena_for(f"{url}{'&' if '?' in url else '?'}{option}" if option else url)


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    crew = Crew()
    yield crew
    crew.close()
