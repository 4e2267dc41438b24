"""What a run found, as text of 80 columns and as JSON."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from cardoon.engines.contract import Profile
from cardoon.testing.torture.check import Violation, counts
from cardoon.testing.torture.evidence import Evidence
from cardoon.testing.torture.nemesis import kills_among
from cardoon.testing.torture.recovery import Recovery, recoveries
from cardoon.testing.torture.setup import Setup

_SHOWN = 20


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and with what a figure was reached."""

    cardoon: str
    commit: str
    engine: str
    profile: str
    engine_version: str
    python: str
    system: str
    cpus: int


def machine_of(url: str, profile: Profile) -> Machine:
    """What a figure was reached with; nothing in it tells whose machine it is."""
    return Machine(
        cardoon=version("cardoon"),
        commit=_commit(),
        engine=urlsplit(url).scheme,
        profile=profile.name,
        engine_version=profile.version,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count() or 1,
    )


def _commit() -> str:
    """The commit that this code is, if it is run from a checkout; with a + when it was changed since."""
    if shutil.which("git") is None:
        return ""
    here = Path(__file__).parent
    words = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one run. `recovery` is in seconds, by the kind of fault."""

    seed: int
    jobs: int
    kills: int
    ended: dict[str, int]
    starts: int
    repeated: int
    refused_ends: int
    unknown_fates: dict[str, int]
    struck: dict[str, int]
    counts: dict[str, int]
    violations: list[Violation]
    recovery: dict[str, Recovery]
    seconds: float
    command: str
    machine: Machine

    @property
    def ok(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations


def report_of(
    setup: Setup,
    evidence: Evidence,
    violations: list[Violation],
    struck: Mapping[str, int],
    profile: Profile,
    seconds: float,
) -> Report:
    """The report of a run."""
    starts = evidence.events("start")
    return Report(
        seed=setup.seed,
        jobs=len(evidence.jobs),
        kills=kills_among(struck),
        ended=dict(sorted(Counter(str(job.state) for job in evidence.jobs.values()).items())),
        starts=len(starts),
        repeated=_repeated(evidence),
        refused_ends=len(evidence.events("late")),
        unknown_fates=_unknown_fates(evidence),
        struck={kind: number for kind, number in sorted(struck.items()) if number},
        counts=counts(violations),
        violations=violations,
        recovery=recoveries(evidence),
        seconds=round(seconds, 1),
        command=setup.command,
        machine=machine_of(setup.ground.url, profile),
    )


def _repeated(evidence: Evidence) -> int:
    """Starts that repeated one, not those of retries that were asked for."""
    return sum(times - 1 for times in Counter((r.id, r.retries) for r in evidence.events("start")).values())


def _unknown_fates(evidence: Evidence) -> dict[str, int]:
    """Of the jobs that were sent without an answer: how many there are, and how many there are not."""
    answered = {record.id for record in evidence.events("ack")}
    asked = {record.id for record in evidence.events("want")} - answered
    stored = len(asked & evidence.jobs.keys())
    return {"stored": stored, "not stored": len(asked) - stored}


def as_json(report: Report) -> str:
    """One JSON object."""
    return msgspec.json.format(msgspec.json.encode(report)).decode() + "\n"


def as_text(report: Report) -> str:
    """For people, within 80 columns."""
    lines = [
        f"{report.jobs:,} jobs, {report.kills:,} kills, seed {report.seed}, {report.seconds:,.0f} s",
        _machine_line(report.machine),
        "",
        *_table("ended as", report.ended),
        *_table("struck", report.struck),
        f"  {report.starts:,} starts, {report.repeated:,} of them repeated one; "
        f"{report.refused_ends:,} late ends refused",
        f"  sent without an answer: {report.unknown_fates['stored']:,} stored, "
        f"{report.unknown_fates['not stored']:,} not",
        "",
        *recovery_lines(report.recovery),
        "",
        *(f"  {number:>7,}  {what}" for what, number in report.counts.items()),
        "",
        *_violation_lines(report.violations),
        f"again: {report.command}",
    ]
    return "\n".join(lines)


def _machine_line(machine: Machine) -> str:
    commit = f" ({machine.commit})" if machine.commit else ""
    return (
        f"Cardoon {machine.cardoon}{commit}, {machine.engine_version or machine.engine}, {machine.profile}, "
        f"Python {machine.python}, {machine.cpus} CPUs"
    )


def _table(title: str, numbers: Mapping[str, int]) -> list[str]:
    """`title` with three numbers a line."""
    cells = [f"{number:>7,} {name:<15}" for name, number in numbers.items()]
    rows = ["".join(cells[3 * n : 3 * n + 3]).rstrip() for n in range(ceil(len(cells) / 3))]
    return [f"  {title if n == 0 else '':<9}{row}" for n, row in enumerate(rows)]


def recovery_lines(recovery: Mapping[str, Recovery]) -> list[str]:
    """The figures, a line for each kind of fault."""
    if not recovery:
        return ["  nothing was interrupted"]
    head = f"  {'running again after':<22}{'jobs':>7}{'p50':>9}{'p99':>9}{'max':>9}   seconds"
    rows = [
        f"  {kind:<22}{r.jobs:>7,}{r.p50:>9.3f}{r.p99:>9.3f}{r.max:>9.3f}" for kind, r in recovery.items()
    ]
    return [head, *rows]


def _violation_lines(violations: list[Violation]) -> list[str]:
    shown = [f"  {v.law} {v.what}: {v.id} {v.text}" for v in violations[:_SHOWN]]
    more = len(violations) - len(shown)
    return [*shown, f"  and {more:,} more", ""] if more else [*shown, ""] if shown else []
