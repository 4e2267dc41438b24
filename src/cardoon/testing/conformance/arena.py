"""Where the laws are tried: a fresh, empty place for each, chosen by the scheme of the URL."""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from cardoon.engines import rooms
from cardoon.engines.sqlite.place import parse
from cardoon.model.errors import ConfigurationError


class Arena(Protocol):
    """Gives out places of one kind of engine, and leaves nothing behind.

    `offers` says what laws can do there beside the engine's own capabilities: `clock` where the
    engine takes its time from `cardoon.model.clock`.
    """

    offers: frozenset[str]

    def fresh(self) -> str:
        """The URL of an empty place that was not given out before."""
        ...

    def cleanup(self) -> None:
        """Remove every place given out so far; their engines are closed."""
        ...


class MemoryArena:
    """Each engine object of this process is a place of its own."""

    offers = frozenset({"clock"})

    def __init__(self, url: str) -> None:
        self._url = url

    def fresh(self) -> str:
        """See `Arena.fresh`."""
        return self._url

    def cleanup(self) -> None:
        """Nothing was left anywhere."""


class SqliteArena:
    """New files beside the given one, which itself is never touched."""

    offers = frozenset({"clock"})

    def __init__(self, url: str) -> None:
        self._head, mark, options = url.partition("?")
        self._options = mark + options
        self._given = 0
        self._urls: list[str] = []

    def fresh(self) -> str:
        """See `Arena.fresh`."""
        stem, dot, suffix = self._head.rpartition(".")
        while True:
            self._given += 1
            url = f"{stem}-law{self._given}{dot}{suffix}{self._options}"
            if not _files(url):
                self._urls.append(url)
                return url

    def cleanup(self) -> None:
        """See `Arena.cleanup`."""
        for url in self._urls:
            for file in _files(url):
                file.unlink(missing_ok=True)
        self._urls.clear()


class RoomArena:
    """New rooms on the given server, on which nothing else is touched."""

    offers = frozenset({"clock"})

    def __init__(self, url: str) -> None:
        self._url = url
        self._rooms: list[str] = []

    def fresh(self) -> str:
        """See `Arena.fresh`."""
        self._rooms.append(rooms.new(self._url, "law"))
        return self._rooms[-1]

    def cleanup(self) -> None:
        """See `Arena.cleanup`."""
        while self._rooms:
            rooms.remove(self._rooms.pop())


def _files(url: str) -> list[Path]:
    """The file of a place and its companions, as far as they exist."""
    path = Path(parse(url)[0])
    return sorted(path.parent.glob(f"{glob.escape(path.name)}*"))


_arenas: dict[str, Callable[[str], Arena]] = {
    "memory": MemoryArena,
    "sqlite": SqliteArena,
    **dict.fromkeys(("postgresql", "postgres", "redis", "rediss", "unix"), RoomArena),
}


def offer(scheme: str, arena: Callable[[str], Arena]) -> None:
    """Let the laws be tried on URLs of this scheme; `arena` makes one from the URL that was given."""
    _arenas[scheme] = arena


def arena_for(url: str) -> Arena:
    """The arena of this URL; raises ConfigurationError when its scheme has none."""
    scheme = urlsplit(url).scheme
    if scheme not in _arenas:
        raise ConfigurationError(f"no arena for {scheme or url!r}; there are: {', '.join(_arenas)}")
    return _arenas[scheme](url)
