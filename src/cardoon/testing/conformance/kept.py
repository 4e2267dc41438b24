"""The table engine x law of one run, as it is kept in a file."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cardoon.testing.conformance.suite import KEPT, NOT_DECLARED, Report, Verdict

_MARKS = {NOT_DECLARED: "-"}


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """An engine as it was; `sentence` is that of its profile."""

    engine: str
    version: str
    profile: str
    sentence: str
    capabilities: list[str]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The engines, and for each law its guarantee and what came of it on each of them, in their order."""

    engines: list[Tried]
    laws: dict[str, list[str]]

    @classmethod
    def of(cls, reports: Sequence[Report]) -> Table:
        """The table of one run."""
        laws: dict[str, list[str]] = {}
        for number, first in enumerate(reports[0].verdicts):
            laws[first.law] = [first.guarantee, *(_mark(report.verdicts[number]) for report in reports)]
        return cls(engines=[_tried(report) for report in reports], laws=laws)

    @property
    def guarantees(self) -> list[str]:
        """Those that the laws belong to, in their order."""
        return sorted({cells[0] for cells in self.laws.values()}, key=lambda name: (name[0], int(name[1:])))

    def kept(self, engine: int, guarantee: str = "") -> int:
        """How many laws this engine keeps, of all or of one guarantee."""
        return sum(cells[1 + engine] == KEPT for cells in self.laws.values() if guarantee in ("", cells[0]))

    def passed_over(self, engine: int) -> list[str]:
        """The laws that it does not declare."""
        return [law for law, cells in self.laws.items() if cells[1 + engine] == _MARKS[NOT_DECLARED]]


def _mark(verdict: Verdict) -> str:
    return _MARKS.get(verdict.verdict, verdict.verdict)


def _tried(report: Report) -> Tried:
    return Tried(
        engine=report.engine,
        version=report.version,
        profile=report.profile,
        sentence=report.sentence,
        capabilities=report.capabilities,
    )


def as_json(table: Table) -> str:
    """JSON with a line for each law."""
    laws = ",\n".join(f"  {_line(law)}: {_line(cells)}" for law, cells in table.laws.items())
    engines = ",\n".join(f"  {_line(tried)}" for tried in table.engines)
    return f'{{"engines": [\n{engines}\n],\n"laws": {{\n{laws}\n}}}}\n'


def _line(value: object) -> str:
    return msgspec.json.encode(value).decode()
