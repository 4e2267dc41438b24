"""On what the figures were measured, as the machine says itself."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.place import ROOT, parent
from cardoon.engines.sqlite.place import file_system


def facts() -> dict[str, str]:
    """What there is to know, by name."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "processor": f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": file_system(parent()),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        "msgspec": metadata.version("msgspec"),
    }


def _field(file: str, name: str) -> str:
    found = (line for line in Path(file).read_text().splitlines() if line.startswith(name))
    return next(found, ": unknown").partition(":")[2].strip()


def _commit() -> str:
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "src", "benchmarks")
    return f"{head or 'unknown'}{' and changes that are not committed' if changed else ''}"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
