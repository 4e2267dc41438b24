"""Everything that a file holds, to compare it as a whole."""

from __future__ import annotations

from typing import Any

FILE = "jobs.db"

Rows = list[tuple[Any, ...]]
Contents = dict[str, Rows]


def contents(db: Any) -> Contents:
    """The rows of each table, by the order of its key."""
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return {name: db.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}


def difference(found: Contents, wanted: Contents) -> str:
    """The rows that are there and should not be, and those that are not; empty when there are none."""
    lines = []
    for table in sorted({*found, *wanted}):
        there, due = found.get(table, []), wanted.get(table, [])
        lines += [f"  too much in {table}: {row}" for row in there if row not in due]
        lines += [f"  missing in {table}: {row}" for row in due if row not in there]
    return "\n".join(lines)
