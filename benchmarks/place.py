"""Where the jobs of a measurement lie: a fresh folder on a disk that is one, and an address in an engine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from cardoon.engines.sqlite.place import file_system

ROOT = Path(__file__).resolve().parents[1]
_IN_MEMORY = ("tmpfs", "ramfs")


class Place(msgspec.Struct, frozen=True):
    """An empty place of an engine at `url`, for one measurement.

    `folder` is for files of the measurement, `floor` is the address of the floor beside it.
    """

    folder: Path
    url: str
    floor: str

    def address(self, profile: str = "durable") -> str:
        """The URL for a profile that is not the one by default."""
        mark = "&" if "?" in self.url else "?"
        return self.url if profile == "durable" else f"{self.url}{mark}profile={profile}"


def on_disk() -> None:
    """Let temporary folders, also those of servers, lie on a disk where the usual ones lie in memory."""
    tempfile.tempdir = str(parent())


def parent() -> Path:
    """The folder for temporary files, or the checkout where that one lies in memory."""
    usual = Path(tempfile.gettempdir())
    return ROOT if file_system(usual) in _IN_MEMORY else usual
