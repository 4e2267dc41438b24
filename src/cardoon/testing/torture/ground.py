"""What a run stands on: a file, a server that somebody named, or a server of its own behind a bad network."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cardoon.testing.faults import PostgresServer, Proxy, RedisServer, Server

SERVERS: dict[str, type[PostgresServer | RedisServer]] = {"postgres": PostgresServer, "redis": RedisServer}


@dataclass(frozen=True)
class Ground:
    """`url` is how producers and workers reach the engine; `direct` leads there past all faults of the way.

    `server` and `proxy` are there to be harmed; both are None where nobody may do that.
    """

    url: str
    direct: str
    server: Server | None = None
    proxy: Proxy | None = None
    kind: str = ""
    """Of the server that is our own."""

    @classmethod
    def at(cls, url: str) -> Ground:
        """What somebody named, and may use but not harm."""
        return cls(url, url)


@contextmanager
def prepared(folder: Path, engine: str = "", url: str = "") -> Generator[Ground]:
    """The engine of this URL; else a private server of this kind; else a SQLite file in the folder."""
    if engine not in SERVERS:
        yield Ground.at(url or default_url(folder))
        return
    with SERVERS[engine]() as server, Proxy(server.address) as proxy:
        yield Ground(proxy.through(server.url), server.url, server, proxy, engine)


def default_url(folder: Path) -> str:
    """A SQLite file in the folder of the run."""
    return f"sqlite:///{folder / 'jobs.db'}"
