"""The laws in docs/engines.md are those of the run that was kept in docs/figures/laws.json.

After another run of all engines, `python -m cardoon.testing.conformance memory:// sqlite:///trial.db
postgres redis --write docs/figures/laws.json`, write the page: `python -m tests.docs.test_engines --write`.
So after one of another version of a server, kept by `--add docs/figures/versions.json`.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import msgspec

from cardoon.engines.contract import Capabilities
from cardoon.testing.conformance import laws, versions
from cardoon.testing.conformance.kept import Table

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "engines.md"
KEPT = DOCS / "figures" / "laws.json"
TRIED = DOCS / "figures" / "versions.json"
MARKED = re.compile(r"<!-- laws -->.*?<!-- /laws -->", re.DOTALL)
WIDTH = 110
AGAIN = "python -m cardoon.testing.conformance memory:// sqlite:///trial.db postgres redis"

_BEFORE = (
    "`{again}` tried {number} laws on {engines} in one run; `docs/figures/laws.json` has the verdict of each "
    "engine on each law. The numbers are those of [the guarantees](guarantees.md). A law is passed over only "
    "where it needs what an engine does not declare:"
)

_OF_VERSIONS = (
    "Each of these versions was a private server of a run of all laws that there were on that day (UTC). "
    "Another one is added by `python -m cardoon.testing.conformance postgres --programs FOLDER --add "
    "docs/figures/versions.json`, or `redis`; the folder has the programs of that version."
)

NEEDS = {
    "shared": "other processes see the same jobs",
    "durable": "jobs outlive the process, and the server, that took them",
    "remembers": "it stores results and history too, not only what waits",
    "network": "it is reached over a network, which can be slow, silent, or gone",
    "server": "it has a server, which can be killed and restarted",
}
"""What a law may need, with the sentence on what it says of an engine."""


def table() -> Table:
    return msgspec.json.decode(KEPT.read_bytes(), type=Table)


def section() -> str:
    found = table()
    names = [tried.engine for tried in found.engines]
    before = _BEFORE.format(
        again=AGAIN, number=len(found.laws), engines=f"{', '.join(names[:-1])} and {names[-1]}"
    )
    parts = [
        f"{textwrap.fill(before, WIDTH, break_on_hyphens=False)}\n",
        _of_capabilities(found),
        _of_laws(found),
        "### Which versions of servers keep them\n",
        f"{textwrap.fill(_OF_VERSIONS, WIDTH, break_on_hyphens=False)}\n",
        _of_versions(versions.read(TRIED)),
    ]
    return "\n".join(["<!-- laws -->", *parts, "<!-- /laws -->"])


def _of_capabilities(found: Table) -> str:
    rows = [
        [f"`{need}`: {sentence}", *("yes" if need in tried.capabilities else "no" for tried in found.engines)]
        for need, sentence in NEEDS.items()
    ]
    return _rows(["a law may need", *(tried.engine for tried in found.engines)], rows)


def _of_laws(found: Table) -> str:
    several = range(len(found.engines))
    rows = [
        ["version", *(tried.version.partition(" (")[0] or "-" for tried in found.engines)],
        ["profile", *(tried.profile for tried in found.engines)],
        *(
            [f"{guarantee}, laws kept", *(f"{found.kept(n, guarantee)}" for n in several)]
            for guarantee in found.guarantees
        ),
        ["all laws kept", *(f"{found.kept(n)}" for n in several)],
        ["passed over", *(f"{len(found.passed_over(n))}" for n in several)],
    ]
    return _rows(["", *(tried.engine for tried in found.engines)], rows)


def _of_versions(entries: list[versions.Entry]) -> str:
    rows = [
        [
            entry.server,
            entry.profile or "-",
            *(["refused"] * 2 if entry.refused else _kept(entry)),
            entry.date,
        ]
        for entry in entries
    ]
    return _rows(["server", "profile", "laws kept", "laws broken", "day"], rows)


def _kept(entry: versions.Entry) -> list[str]:
    return [f"{entry.kept} of {entry.laws}", ", ".join(f"`{law}`" for law in entry.broken) or "none"]


def _rows(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# -- the tests


def test_the_page_shows_the_laws_of_the_run_that_was_kept() -> None:
    found = MARKED.search(PAGE.read_text("utf-8"))
    assert found is not None
    assert found[0] == section(), "run python -m tests.docs.test_engines --write"


def test_the_run_that_was_kept_tried_the_laws_that_there_are_on_every_engine() -> None:
    found = table()
    assert [*found.laws] == [law.id for law in laws()], f"run {AGAIN} --write docs/figures/laws.json"
    assert [tried.engine for tried in found.engines] == ["memory", "sqlite", "postgresql", "redis"]


def test_no_law_is_broken_and_only_what_is_not_declared_is_passed_over() -> None:
    found = table()
    needs = {law.id: set(law.needs) - {"clock"} for law in laws()}
    assert set().union(*needs.values()) <= NEEDS.keys()
    for number, tried in enumerate(found.engines):
        passed_over = {law for law, needed in needs.items() if not needed <= {*tried.capabilities}}
        assert {*found.passed_over(number)} == passed_over
        assert found.kept(number) == len(found.laws) - len(passed_over)


def test_every_version_that_is_served_keeps_all_laws_and_an_older_one_is_refused_by_name() -> None:
    entries = versions.read(TRIED)
    assert entries
    for entry in entries:
        if entry.refused:
            assert entry.server in entry.refused
        else:
            assert (entry.kept, entry.broken) == (entry.laws, []), entry.server


def test_every_capability_has_its_sentence() -> None:
    assert {field.name for field in msgspec.structs.fields(Capabilities)} <= NEEDS.keys()


def main(words: list[str]) -> None:
    if words == ["--write"]:
        PAGE.write_text(MARKED.sub(lambda _: section(), PAGE.read_text("utf-8")), "utf-8")
    else:
        print(section())


if __name__ == "__main__":
    main(sys.argv[1:])
