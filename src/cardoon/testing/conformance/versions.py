"""The versions of servers that the laws were tried on, kept in a file that grows run by run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec

from cardoon.model import clock
from cardoon.testing.conformance.suite import KEPT, Report


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version as it was tried last: on which day (UTC), and how many of the laws it kept.

    Those neither kept nor broken need what its engine does not declare. `refused` is what a version was told
    that is not served.
    """

    server: str
    date: str
    profile: str = ""
    laws: int = 0
    kept: int = 0
    broken: list[str] = []
    refused: str = ""

    @classmethod
    def of(cls, report: Report) -> Self:
        """What came of a run of all laws."""
        return cls(
            server=report.version.partition(" (")[0],
            date=_today(),
            profile=report.profile,
            laws=len(report.verdicts),
            kept=report.totals[KEPT],
            broken=[verdict.law for verdict in report.verdicts if verdict.is_broken],
        )

    @classmethod
    def of_refusal(cls, server: str, said: str) -> Self:
        """A version that was refused with these words."""
        return cls(server=server, date=_today(), refused=said)


def read(file: Path) -> list[Entry]:
    """What is in the file: a version once, the oldest of each product first."""
    return msgspec.json.decode(file.read_bytes(), type=list[Entry]) if file.exists() else []


def add(file: Path, new: Sequence[Entry]) -> None:
    """Put these into the file, each in the place of what was there of its version."""
    entries = {entry.server: entry for entry in [*read(file), *new]}
    lines = ",\n".join(msgspec.json.encode(entry).decode() for entry in sorted(entries.values(), key=_order))
    file.write_text(f"[\n{lines}\n]\n", "utf-8")


def _order(entry: Entry) -> tuple[str, list[int]]:
    product, _, number = entry.server.partition(" ")
    return product, [int(part) for part in re.findall(r"\d+", number)]


def _today() -> str:
    return datetime.fromtimestamp(clock.now(), UTC).date().isoformat()
