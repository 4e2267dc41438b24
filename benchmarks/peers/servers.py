"""The servers that all systems of a run share, emptied before each measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import redis

from cardoon.testing import faults

KINDS: dict[str, Callable[[], faults.Server]] = {
    "redis": lambda: faults.RedisServer(settings={"appendfsync": "everysec"}),
    "redis-always": faults.RedisServer,
    "postgres": faults.PostgresServer,
}
_DATABASE = "peer"


class Servers:
    """Started when they are first needed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._servers: dict[str, faults.Server] = {}

    def empty(self, kind: str) -> str:
        """The URL of a server of this kind that holds nothing; empty for one that is a file."""
        if kind not in KINDS:
            return ""
        if kind not in self._servers:
            self._servers[kind] = self._stack.enter_context(KINDS[kind]())
        url = self._servers[kind].url
        return _fresh_database(url) if kind == "postgres" else _emptied_redis(url)

    def process(self, kind: str) -> int:
        """That of the server of this kind; 0 for none."""
        return self._servers[kind].pid if kind in self._servers else 0


def _emptied_redis(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


def _fresh_database(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {_DATABASE}".encode())
    return f"{url.rpartition('/')[0]}/{_DATABASE}"


@contextmanager
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)
