"""Named queries kept in `.sql` files, and numbered migrations."""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- name: (\w+)\b.*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$\n?", re.MULTILINE)


def queries(package: str, file: str = "queries.sql") -> dict[str, str]:
    """The queries of a file by name: each begins with a line `-- name: word`, then a sentence on it."""
    text = (resources.files(package) / file).read_text("utf-8")
    parts = _NAME.split(text)[1:]
    return {
        name: _COMMENT.sub("", body).strip().rstrip(";")
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


def migrations(package: str) -> list[tuple[str, str]]:
    """The migrations of an engine as (name, script), in the order of their numbers."""
    folder = resources.files(package) / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=_by_name)
    return [(f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in files]


def _by_name(file: Traversable) -> str:
    return file.name
