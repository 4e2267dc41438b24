"""What was measured of one engine, kept in a file: the page is made of these files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.figures import Figure
from benchmarks.ground import GROUNDS
from benchmarks.place import ROOT
from benchmarks.scale import Scale

FOLDER = ROOT / "docs" / "figures"


class Piece(msgspec.Struct, frozen=True):
    """`floor` says what the floor is, `command` what to type for the same, `facts` where it was measured."""

    engine: str
    command: str
    floor: str
    facts: Mapping[str, str]
    scale: Scale
    figures: Sequence[Figure]


def file_of(engine: str) -> Path:
    return FOLDER / f"benchmarks-{engine}.json"


def write(piece: Piece) -> None:
    """Keep it in place of what was measured of this engine before."""
    file_of(piece.engine).write_bytes(as_json(piece))


def as_json(pieces: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(pieces), indent=2) + b"\n"


def kept() -> list[Piece]:
    """All that there are, in the order of the engines."""
    files = (file_of(engine) for engine in GROUNDS)
    return [msgspec.json.decode(file.read_bytes(), type=Piece) for file in files if file.exists()]
