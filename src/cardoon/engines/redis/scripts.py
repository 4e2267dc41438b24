"""The Lua scripts, one a verb, put together from the parts that each names in its first line.

The names of `lua/names.lua` are replaced by the numbers and formats that they stand for.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("lua")
_PARTS = re.compile(r"-- with: ([a-z_ ]+)\n")
_CONSTANT = re.compile(r"^([A-Z_]+) = (\d+|'[^']*')$", re.MULTILINE)
_NAME = re.compile(r"\b[A-Z][A-Z_]+\b")


class Script:
    """A script as the server knows it; `call` and `load` are the beginnings of its commands."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text.encode()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()
        self.call = b"$7\r\nEVALSHA\r\n$40\r\n%b\r\n" % self.sha.encode()
        self.load = b"$4\r\nEVAL\r\n$%d\r\n%b\r\n" % (len(self.text), self.text)


@cache
def script(name: str) -> Script:
    """The script of a verb."""
    text = _read(name)
    found = _PARTS.match(text)
    parts = found[1].split() if found else []
    return Script(name, _NAME.sub(_constant, "\n".join([*map(_read, parts), text])))


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text("utf-8")


@cache
def _constants() -> dict[str, str]:
    return dict(_CONSTANT.findall(_read("names")))


def _constant(name: re.Match[str]) -> str:
    return _constants().get(name[0], name[0])
