"""On what the figures were measured, as the machine says itself."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.ground import DRIVERS, Ground
from benchmarks.place import ROOT, parent
from cardoon.engines.sqlite.place import file_system
from cardoon.engines.urls import connect


def facts(ground: Ground) -> dict[str, str]:
    """What there is to know, by name."""
    return {**plain_facts(), **_engine(ground), "msgspec": metadata.version("msgspec")}


def plain_facts() -> dict[str, str]:
    """What has nothing to do with an engine."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "processor": f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": file_system(parent()),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _engine(ground: Ground) -> dict[str, str]:
    """What the engine says of itself, and which driver it has."""
    with ground.fresh() as place, closing(connect(place.url)) as engine:
        engine.open()
        profile = engine.profile()
    return {
        "engine": f"{ground.engine} {profile.version}".strip(),
        "profile": f"{profile.name}: {profile.sentence}",
        **{name: metadata.version(name) for name in DRIVERS.get(ground.engine, ())},
    }


def versions(ground: Ground) -> dict[str, str]:
    """Those that decide how many steps a thing takes."""
    facts, drivers = _engine(ground), ("msgspec", *DRIVERS.get(ground.engine, ()))
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, "engine": facts["engine"], **{name: metadata.version(name) for name in drivers}}


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
