"""What a run found: for each system its figures of each round, and why others are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from benchmarks.figures import Spread
from benchmarks.peers.kill import Killed
from benchmarks.peers.measure import Measured, Size
from benchmarks.peers.registry import System
from benchmarks.piece import FOLDER, as_json

FILE = FOLDER / "benchmarks-peers.json"


class Column(msgspec.Struct, frozen=True):
    """One figure of the tables."""

    name: str
    title: str
    unit: str
    places: int = 0


COLUMNS = (
    Column("send", "sends, one by one", "/s"),
    Column("send on one core", "on one core", "/s"),
    Column("bulk", "bulk", "/s"),
    Column("drain", "drain", "/s"),
    Column("cpu", "worker's CPU, a job", " us"),
    Column("call p50", "round trip, p50", " ms", 2),
    Column("call p99", "p99", " ms", 2),
    Column("idle call p50", "of an idle worker", " ms", 2),
    Column("naps", "50 ms x 100 at once", " %", 0),
)


class Entry(msgspec.Struct):
    """One system. `missing` says why it could not be tried at all, a text in `killed` why not that."""

    system: System
    notes: str
    missing: str = ""
    rounds: list[Measured] = []
    killed: Killed | str | None = None

    def spread(self, name: str) -> Spread | None:
        values = [found.values[name] for found in self.rounds if name in found.values]
        return Spread.of(values) if values else None

    def ratio(self, name: str, ours: Entry) -> float | None:
        """Its figure to ours, the middle of what the rounds say where both have it."""
        pairs = zip(self.rounds, ours.rounds, strict=False)
        ratios = [a.values[name] / b.values[name] for a, b in pairs if name in a.values and name in b.values]
        return median(ratios) if ratios else None

    def why(self, name: str) -> str:
        """Why a figure is missing."""
        said = [found.trouble for found in self.rounds]
        group = "calls" if "call" in name else name
        return self.missing or next(
            (t[key] for key in (group, "all") for t in said if key in t), "not measured"
        )

    @property
    def versions(self) -> Mapping[str, str]:
        return next((found.versions for found in self.rounds if found.versions), {})


class Report(msgspec.Struct):
    """A whole run."""

    command: str
    facts: Mapping[str, str]
    size: Size
    entries: Sequence[Entry]


def write(report: Report) -> None:
    FILE.write_bytes(as_json(report))


def kept() -> Report | None:
    """What was kept of the last run."""
    return msgspec.json.decode(FILE.read_bytes(), type=Report) if FILE.exists() else None
