"""Named queries kept in `.sql` files, and numbered migrations."""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\b.*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$\n?", re.MULTILINE)


def queries(file: Path) -> dict[str, str]:
    """The queries of a file by name: each begins with a line `-- name: word`, then a sentence on it."""
    parts = _NAME.split(file.read_text("utf-8"))[1:]
    return {
        name: _COMMENT.sub("", body).strip().rstrip(";")
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


def migrations(folder: Path) -> list[tuple[str, str]]:
    """The migrations in a folder as (name, script), in the order of their numbers."""
    return [(file.stem, file.read_text("utf-8")) for file in sorted(folder.glob("*.sql"))]
