"""`docs/benchmarks.md`: the table with all that is needed to judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks import table
from benchmarks.figures import Figure
from benchmarks.place import ROOT
from benchmarks.scale import Scale
from benchmarks.scenarios import ALL

FILE = ROOT / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Cardoon beside the floor of each figure: what `sqlite3` or a bare interpreter does on the same machine, \
measured in the same run, in turns, {rounds}, each in a fresh folder on a disk. The ratio travels to other \
machines, the absolute numbers do not. `{command}` wrote this page; nothing in it is typed by hand, and the \
targets that were missed stay in it.
"""


def text(figures: Sequence[Figure], facts: Mapping[str, str], scale: Scale, command: str) -> str:
    """The page."""
    rounds = f"{scale.rounds} round{'s' if scale.rounds > 1 else ''}"
    rows = [table.heading(), *(row for figure in figures for row in table.lines(figure))]
    measured = dict.fromkeys(figure.scenario for figure in figures)
    return "\n".join(
        [
            _HEAD.format(rounds=rounds, command=command),
            "```text",
            *rows,
            "",
            table.FOOT,
            "```",
            "",
            "## What was missed",
            "",
            *_missed(figures),
            "",
            "## How it was measured",
            "",
            *(f"- **{name}**: {ALL[name].method}" for name in measured),
            "",
            "## On what",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in facts.items()),
            "",
        ]
    )


def _missed(figures: Sequence[Figure]) -> list[str]:
    missed = [f for f in figures if f.verdict in ("no", "tie")]
    return [f"- {f.scenario}: {' '.join(next(table.lines(f)).split())}" for f in missed] or ["Nothing."]
