"""Removing everything that a namespace holds; for tests, and for who gives one up."""

from __future__ import annotations

from math import inf

from cardoon.engines.redis.connection import Connections
from cardoon.engines.redis.place import parse

_SCAN_COUNT = 1_000


def remove(url: str) -> int:
    """Forget all keys of the namespace of this URL; how many. Nobody may be using it."""
    server = Connections(parse(url, profile="durable", retention=inf), lambda _ask: None)
    removed, cursor = 0, b"0"
    try:
        while True:
            cursor, keys = server.command("SCAN", cursor, "MATCH", server.base + b"*", "COUNT", _SCAN_COUNT)
            removed += int(server.command("UNLINK", *keys)) if keys else 0
            if cursor == b"0":
                return removed
    finally:
        server.close()
