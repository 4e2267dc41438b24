"""A room of one's own on a server that is there already: a schema, or a namespace."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import parse_qsl, urlencode

from cardoon.engines.urls import connect
from cardoon.model import clock

_POSTGRES = ("schema", "cardoon.engines.postgres.schema")
_REDIS = ("namespace", "cardoon.engines.redis.namespaces")
_KINDS = {
    "postgresql": _POSTGRES,
    "postgres": _POSTGRES,
    "redis": _REDIS,
    "rediss": _REDIS,
    "unix": _REDIS,
}
"""For each scheme the option that names a room, and the module that can remove one."""


def has_rooms(url: str) -> bool:
    """Whether this URL names a server on which there can be rooms."""
    return _scheme(url) in _KINDS


def new(url: str, name: str) -> str:
    """The URL of a new, empty room on the server of this URL; its name begins so, or as the URL says."""
    begin = dict(parse_qsl(url.partition("?")[2])).get(_KINDS[_scheme(url)][0]) or name
    return named(url, f"{begin}_{clock.new_id().replace('-', '')}")


def named(url: str, name: str) -> str:
    """The URL of the room of this name on the server of this URL; it is made where it is not there."""
    head, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True)) | {_KINDS[_scheme(url)][0]: name}
    room = f"{head}?{urlencode(options)}"
    engine = connect(room)
    try:
        engine.migrate()
    finally:
        engine.close()
    return room


def remove(room: str) -> None:
    """Forget everything in this room, and the room itself. Nobody may be using it."""
    import_module(_KINDS[_scheme(room)][1]).remove(room)


def _scheme(url: str) -> str:
    return url.partition(":")[0]
