"""The table of server versions that the laws were tried on."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cardoon.model.errors import EngineUnavailable
from cardoon.testing.conformance import Verdict, run, versions
from cardoon.testing.conformance.__main__ import main


def entry(server: str, **more: object) -> versions.Entry:
    return versions.Entry(server=server, date="2026-01-02", **more)  # type: ignore[arg-type]


def test_a_run_takes_the_place_of_the_one_before_of_its_version(tmp_path: Path) -> None:
    file = tmp_path / "versions.json"
    assert versions.read(file) == []
    versions.add(file, [entry("Redis 7.10"), entry("PostgreSQL 14.2", laws=9)])
    versions.add(file, [entry("PostgreSQL 14.2", laws=10), entry("Redis 7.9"), entry("PostgreSQL 9.6")])
    assert versions.read(file) == [
        entry("PostgreSQL 9.6"),
        entry("PostgreSQL 14.2", laws=10),
        entry("Redis 7.9"),
        entry("Redis 7.10"),
    ]
    assert len(file.read_text().splitlines()) == len(versions.read(file)) + 2


def test_an_entry_tells_what_came_of_a_run() -> None:
    report = run("memory://", "locks/")
    made = versions.Entry.of(report)
    assert (made.laws, made.kept, made.broken) == (len(report.verdicts), report.totals["kept"], [])
    report.verdicts.append(Verdict(law="locks/x", guarantee="G9", text="", verdict="broken"))
    assert versions.Entry.of(report).broken == ["locks/x"]


def test_part_of_the_laws_is_no_entry(tmp_path: Path) -> None:
    file = tmp_path / "versions.json"
    told = CliRunner().invoke(main, ["memory://", "--only", "locks/", "--add", str(file)])
    assert told.exit_code == 2
    assert "--only leaves out some" in told.output
    assert not file.exists()


def test_who_is_not_there_is_not_tried_on_every_law() -> None:
    pytest.importorskip("redis")
    verdicts: list[object] = []
    with pytest.raises(EngineUnavailable):
        run("redis://127.0.0.1:1/0", "locks/", told=verdicts.append)
    assert verdicts == []
