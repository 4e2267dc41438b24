"""Which files a demo counts, and what it leaves out and says so."""

from __future__ import annotations

import os
import sysconfig
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

CACHES = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox"})
PACKAGES = frozenset({"site-packages", "dist-packages"})
"""Folders inside the standard library's own that belong to others."""
_COMPILED = (".pyc", ".pyo")
_FOLDER, _FILE = "folder", "file"


class Found(NamedTuple):
    """The files by path, sorted, and how many of what was left out."""

    paths: list[str]
    left_out: Counter[str]


def standard_library() -> str:
    """The folder of the running Python's own library."""
    return sysconfig.get_path("stdlib")


def find(top: str, others: frozenset[str] = frozenset()) -> Found:
    """Every regular file below `top` but caches; no link is followed, no folder named in `others` entered."""
    found = Found([], Counter())
    folders = [top]
    while folders:
        for entry in _entries(folders.pop(), found.left_out):
            kind = _kind(entry, others)
            if kind == _FOLDER:
                folders.append(entry.path)
            elif kind == _FILE:
                found.paths.append(entry.path)
            else:
                found.left_out[kind] += 1
    found.paths.sort()
    return found


def _entries(folder: str, left_out: Counter[str]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        left_out["unreadable folder"] += 1


def _kind(entry: os.DirEntry[str], others: frozenset[str]) -> str:
    if entry.is_symlink():
        return "symbolic link"
    if entry.is_dir(follow_symlinks=False):
        return _kind_of_folder(entry.name, others)
    if not entry.is_file(follow_symlinks=False):
        return "special file"
    if entry.name.endswith(_COMPILED):
        return "compiled file"
    return _FILE if _is_text(entry.path) else "undecodable name"


def _kind_of_folder(name: str, others: frozenset[str]) -> str:
    if name in CACHES:
        return "cache folder"
    return "folder of other packages" if name in others else _FOLDER


def _is_text(path: str) -> bool:
    """Whether a path can be an argument of a job: Unicode, not arbitrary bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
