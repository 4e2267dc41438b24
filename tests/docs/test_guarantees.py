"""The figures in docs/guarantees.md are those that were kept in docs/figures, and each fault has its test.

After another run: `python -m tests.docs.test_guarantees --write`.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import msgspec
import pytest
from tests.docs.faults_table import FAULTS, Fault

from cardoon.testing.conformance import laws
from cardoon.testing.torture.check import COUNTED
from cardoon.testing.torture.outages import Outages
from cardoon.testing.torture.recovery import HELD_UP
from cardoon.testing.torture.report import Machine, Report
from cardoon.testing.torture.zombies import Trials

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
PAGE = DOCS / "guarantees.md"
FIGURES = DOCS / "figures"
MARKED = re.compile(r"<!-- faults -->.*?<!-- /faults -->", re.DOTALL)

_BEFORE = """\
Real processes, real kills, and ledgers that they write themselves; `make torture` repeats it, and
[the guide](guides/faults.md) says how it works. Each file in `docs/figures/` holds one run whole, with its
seed and its command. A server is one of the run's own, and is killed and cut off too.
"""

_BEFORE_FAULTS = """\
Of each engine: how often a fault was brought about, and how many seconds later (p50 / p99 / max) a job that
it interrupted was run again; after an outage of the server, any job. *Held up*: meanwhile nothing at all was
started, since the server was away or a process stood still; on SQLite one that is stopped within its turn to
write keeps the turn. A stop is also held up by an outage, as silence says nothing then, and when no other
worker lived all the time.
"""


def runs() -> list[Report]:
    found = [msgspec.json.decode(file.read_bytes(), type=Report) for file in FIGURES.glob("torture*.json")]
    return sorted(found, key=lambda run: _place_of(run.machine.engine))


def zombies() -> list[Trials]:
    found = [msgspec.json.decode(file.read_bytes(), type=Trials) for file in FIGURES.glob("zombies*.json")]
    return sorted(found, key=lambda trials: _place_of(trials.machine.engine))


def outages() -> list[Outages]:
    found = [msgspec.json.decode(file.read_bytes(), type=Outages) for file in FIGURES.glob("outages*.json")]
    return sorted(found, key=lambda run: _place_of(run.machine.engine))


def section() -> str:
    rows = [[fault.id, fault.what, _tried(fault), *_figures(fault)] for fault in FAULTS]
    parts = [
        _BEFORE,
        _runs_table(),
        *(f"`{run.command}`: {_machine(run.machine)}.\n" for run in (*runs(), *zombies(), *outages())),
        _BEFORE_FAULTS,
        _table(["", "Fault", "Brought about by", *_engines()], rows),
    ]
    return "\n".join(["<!-- faults -->", *parts, "<!-- /faults -->"])


def _runs_table() -> str:
    """One column a run, one row a figure."""
    rows = [
        ["jobs", *(f"{run.jobs:,}" for run in runs())],
        ["kills", *(f"{run.kills:,}" for run in runs())],
        *([what, *(f"{run.counts[what]:,}" for run in runs())] for what in COUNTED),
        ["late ends refused", *(f"{run.refused_ends:,}" for run in runs())],
        ["seconds", *(f"{run.seconds:,.0f}" for run in runs())],
    ]
    return _table(["", *(f"{run.machine.engine}, {run.machine.profile}" for run in runs())], rows)


def _machine(machine: Machine) -> str:
    commit = f" ({machine.commit})" if machine.commit else ""
    return (
        f"Cardoon {machine.cardoon}{commit}, {machine.engine_version}, {machine.profile}, "
        f"Python {machine.python}, {machine.system}, {machine.cpus} CPUs"
    )


def _tried(fault: Fault) -> str:
    named = ", ".join(f"`{test.rpartition('::')[2].removeprefix('test_')}`" for test in fault.tests)
    return "; ".join(filter(None, [named, fault.why]))


def _engines() -> list[str]:
    return sorted({found.machine.engine for found in (*runs(), *zombies())}, key=_place_of)


def _place_of(engine: str) -> int:
    return ("sqlite", "postgresql", "redis").index(engine)


def _figures(fault: Fault) -> list[str]:
    """A cell for each engine; empty where no figure was kept."""
    if fault.figure == "zombies":
        told = [(trials.machine.engine, _of_zombies(trials)) for trials in zombies()]
    elif fault.figure == "outages":
        told = [(found.machine.engine, _of_outages(found)) for found in outages()]
    else:
        told = [(run.machine.engine, _of_run(run, fault.figure)) for run in runs()]
    return ["; ".join(text for of, text in told if of == engine and text) for engine in _engines()]


def _of_zombies(trials: Trials) -> str:
    return f"{trials.trials:,} zombies, {sum(trials.accepted.values()):,} stale writes accepted"


def _of_outages(found: Outages) -> str:
    again = "; ".join(f"{kind}: {of.p50:g} / {of.p99:g} / {of.max:g}" for kind, of in found.returns.items())
    jobs = f"{found.repeated:,} of {found.ran_throughout:,} jobs run again that ran throughout"
    return f"{found.outages:,} times {found.length:g} s; {jobs}; {again}"


def _of_run(run: Report, kind: str) -> str:
    if kind == "poison":
        quarantined = run.ended.get("quarantined", 0)
        return f"{quarantined:,} quarantined, {run.counts['innocent quarantined']:,} of them innocent"
    if kind == "unknown fates":
        unknown = sum(run.unknown_fates.values())
        return f"{unknown:,} of unknown fate, {run.counts['unresolved']:,} unresolved"
    if kind not in run.struck:
        return ""
    times = "once" if run.struck[kind] == 1 else f"{run.struck[kind]:,} times"
    again, held_up = run.recovery.get(kind), run.recovery.get(kind + HELD_UP)
    said = [times] if again is None else [times, f"{again.p50:g} / {again.p99:g} / {again.max:g}"]
    return "; ".join([*said, *([f"held up: {held_up.max:g} at most"] if held_up else [])])


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# -- the tests


def test_the_page_shows_the_figures_that_were_kept() -> None:
    found = MARKED.search(PAGE.read_text("utf-8"))
    assert found is not None
    assert found[0] == section(), "run python -m tests.docs.test_guarantees --write"


def test_all_faults_are_there_in_order() -> None:
    assert [fault.id for fault in FAULTS] == [f"F{number}" for number in range(1, 47)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_each_fault_has_a_test_that_exists_or_a_reason(fault: Fault) -> None:
    assert fault.tests or fault.why
    known = {law.id for law in laws()}
    for test in fault.tests:
        if test.startswith("law "):
            assert test.removeprefix("law ") in known
        else:
            file, _, name = test.partition("::")
            assert name in functions(TESTS / file), test


def functions(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def test_no_figure_that_is_kept_shows_a_violation() -> None:
    assert runs()
    assert zombies()
    assert outages()
    assert [run.command for run in (*runs(), *zombies(), *outages()) if not run.ok] == []


def main(words: list[str]) -> None:
    page = PAGE.read_text("utf-8")
    written = MARKED.sub(lambda _: section(), page)
    if words == ["--write"]:
        PAGE.write_text(written, "utf-8")
    else:
        print(section())


if __name__ == "__main__":
    main(sys.argv[1:])
