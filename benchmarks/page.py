"""`docs/benchmarks.md`: a table for each engine, with all that is needed to judge it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import table
from benchmarks.figures import Figure
from benchmarks.peers.page import section
from benchmarks.peers.report import Report
from benchmarks.piece import Piece
from benchmarks.place import ROOT
from benchmarks.scenarios import ALL

FILE = ROOT / "docs" / "benchmarks.md"
TITLES = {
    "sqlite": "SQLite",
    "postgres": "PostgreSQL",
    "redis": "Redis, appendfsync always",
    "redis-everysec": "Redis, appendfsync everysec",
}

_HEAD = """\
# Benchmarks

Cardoon beside the floor of each figure: what the engine's driver alone or a bare interpreter does on the \
same machine, measured in the same run, in turns, each time in a fresh place on a disk; servers run on the \
same machine, with settings that lose nothing. Redis is measured a second time as most servers run, with \
`appendfsync everysec`: a power cut may take up to 2 seconds, so Cardoon calls that profile `fast`. The \
ratio travels to other machines, the absolute numbers do not. `python -m benchmarks --write` made this page \
of `docs/figures/benchmarks-*.json`; nothing in it is typed by hand, and the targets that were missed stay \
in it; [decision 19](decisions/0019-cores-that-sleep.md) tells what keeps some of them from their floors.
"""


def text(pieces: Sequence[Piece], peers: Report | None) -> str:
    """The page."""
    measured = dict.fromkeys(figure.scenario for piece in pieces for figure in piece.figures)
    return "\n".join(
        [
            _HEAD,
            *(line for piece in pieces for line in _engine(piece)),
            "## How it was measured",
            "",
            *(f"- **{name}**: {ALL[name].method}" for name in ALL if name in measured),
            "",
            *(section(peers) if peers else ()),
        ]
    )


def _engine(piece: Piece) -> list[str]:
    rows = [table.heading(), *(row for figure in piece.figures for row in table.lines(figure))]
    rounds = f"{piece.scale.rounds} round{'s' if piece.scale.rounds > 1 else ''}"
    return [
        f"## {TITLES[piece.engine]}",
        "",
        f"`{piece.command}`, {rounds}. Floor: {piece.floor}.",
        "",
        "```text",
        *rows,
        "",
        table.FOOT,
        "```",
        "",
        "What was missed:",
        "",
        *_missed(piece.figures),
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in piece.facts.items()),
        "",
    ]


def _missed(figures: Sequence[Figure]) -> list[str]:
    missed = [f for f in figures if f.verdict in ("no", "tie")]
    return [f"- {f.scenario}: {' '.join(next(table.lines(f)).split())}" for f in missed] or ["Nothing."]
