"""The ground of a measurement: an engine with the server it needs, private to this run, and its floor."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import msgspec

from benchmarks.floors.floor import Floor
from benchmarks.place import Place
from cardoon.engines import rooms, urls
from cardoon.model import clock
from cardoon.model.errors import ConfigurationError
from cardoon.testing import faults
from cardoon.testing.conformance.arena import arena_for

ENGINES = ("sqlite", "postgres", "redis")
GROUNDS = (*ENGINES, "redis-everysec")
"""What is measured: an engine with the settings of its server; what Redis promises is decided by those."""
SERVERS: dict[str, Callable[[], faults.Server]] = {
    "postgres": faults.PostgresServer,
    "redis": faults.RedisServer,
    "redis-everysec": lambda: faults.RedisServer(settings={"appendfsync": "everysec"}),
}
DRIVERS = dict.fromkeys(("redis", "redis-everysec"), ("redis", "hiredis")) | {"postgres": ("psycopg",)}
"""The packages that an engine and its floor need."""
PROFILES = {
    "sqlite": ("durable", "fast"),
    "postgres": ("durable", "fast"),
    "redis": ("durable",),
    "redis-everysec": ("fast",),
}
"""Those that an engine takes from its URL; what Redis keeps is decided by the settings of its server."""


class Ground(msgspec.Struct, frozen=True):
    """`engine` is one of `GROUNDS`; `url` and `server` are the server's address and process, or nothing."""

    engine: str
    url: str
    server: int = 0

    @property
    def system(self) -> str:
        """What it runs on, whatever the settings."""
        return _system(self.engine)

    @property
    def profiles(self) -> tuple[str, ...]:
        return PROFILES[self.engine]

    @property
    def kind(self) -> type[Floor]:
        """The floor that belongs to this engine."""
        return floor_of(self.engine)

    def floor(self, place: Place, profile: str = "durable") -> Floor:
        """Connected to the floor's part of this place, which is emptied."""
        floor = self.kind(place.floor, profile)
        floor.make()
        return floor

    @contextmanager
    def fresh(self) -> Iterator[Place]:
        """An empty place, gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="cardoon-benchmark-") as name:
            folder = Path(name)
            arena = arena_for(self.url or f"sqlite:///{folder / 'jobs.db'}")
            try:
                yield Place(folder, arena.fresh(), self.url or str(folder / "floor.db"))
            finally:
                arena.cleanup()

    @contextmanager
    def fresh_room(self) -> Iterator[Place]:
        """An empty room whose name is as long as the usual one: it is a part of what is stored."""
        room = rooms.named(self.url, f"r{clock.new_id()[-6:]}")
        try:
            with tempfile.TemporaryDirectory(prefix="cardoon-benchmark-") as folder:
                yield Place(Path(folder), room, self.url)
        finally:
            rooms.remove(room)


def floor_of(engine: str) -> type[Floor]:
    """Its driver is imported only here: not every machine has all of them."""
    kind: type[Floor] = import_module(f"benchmarks.floors.{_system(engine)}").BareFloor
    return kind


def _system(engine: str) -> str:
    return engine.partition("-")[0]


@contextmanager
def ground(engine: str) -> Iterator[Ground]:
    """An engine, on a server of its own with the settings that are meant, if it needs one."""
    with SERVERS[engine]() if engine in SERVERS else nullcontext() as server:
        yield Ground(engine, server.url, server.pid) if server else Ground(engine, "")


def missing(engine: str) -> str:
    """Why this engine cannot be measured here; empty if it can."""
    if packages := [name for name in DRIVERS.get(engine, ()) if find_spec(name) is None]:
        return f"not installed: {', '.join(packages)}"
    if engine not in SERVERS:
        return ""
    try:
        urls.connect(SERVERS[engine]().url)
    except (ConfigurationError, ImportError, faults.CannotInject) as error:
        return str(error)
    return ""
