"""The guard of the hottest paths: it counts the same twice, and sees a path that grew."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.application import add  # noqa: E402
from benchmarks.ground import Ground, ground  # noqa: E402
from benchmarks.guard import kept  # noqa: E402
from benchmarks.guard.__main__ import main  # noqa: E402
from benchmarks.guard.paths import counted  # noqa: E402
from benchmarks.guard.steps import Steps, count  # noqa: E402

SQLITE = Ground("sqlite", "")


def test_the_same_is_counted_twice() -> None:
    assert dict(counted(SQLITE)) == dict(counted(SQLITE))


def test_every_path_takes_steps_of_each_kind() -> None:
    for name, steps in counted(SQLITE):
        assert steps.instructions > 10, name
        assert steps.calls > 1, name
        assert (steps.engine > 10) == (name != "run"), name


def test_more_work_is_more_steps() -> None:
    def once() -> list[str]:
        return [chr(number) for number in range(10)]

    one, two = count(once, 10, int), count(lambda: once() + once(), 10, int)
    assert 1.8 < two.instructions / one.instructions < 2.2
    assert two.calls > 1.8 * one.calls


class Garbage:
    """Found by a collection only, and busy at its end."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        [chr(number) for number in range(1_000)]


def test_what_others_left_behind_is_not_counted() -> None:
    def collects() -> list[list[int]]:
        return [[number] for number in range(10_000)]

    def alone() -> Steps:
        gc.collect()
        return count(collects, 10, int)

    def with_garbage() -> Steps:
        gc.collect()
        Garbage()
        return count(collects, 10, int)

    assert with_garbage() == alone()


def test_the_worst_of_the_three_counts() -> None:
    before = Steps(1_000, 10, 100)
    assert kept.growth(Steps(1_000, 10, 120), before) == pytest.approx(0.2)
    assert kept.growth(Steps(900, 9, 90), before) == pytest.approx(-0.1)
    assert kept.growth(Steps(0, 0, 1), Steps(0, 0, 0)) == 1.0


def test_a_path_that_grew_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FILE", tmp_path / "guard.json")
    run = CliRunner().invoke
    assert run(main, ["--engine", "sqlite", "--write"]).exit_code == 0
    same = run(main, ["--engine", "sqlite"])
    assert (same.exit_code, "REFUSED" in same.output) == (0, False)
    assert all(len(line) <= 80 for line in same.output.splitlines())
    grow(monkeypatch)
    grown = run(main, ["--engine", "sqlite"])
    assert grown.exit_code == 1
    assert [line.split()[0] for line in grown.output.splitlines() if "REFUSED" in line] == ["delay"]


def test_with_other_versions_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FILE", tmp_path / "guard.json")
    with ground("sqlite") as here:
        paths = {name: Steps(1, 1, 1) for name, _ in counted(here)}
    kept.write({"sqlite": kept.Counted({"Python": "2.7"}, paths)})
    told = CliRunner().invoke(main, ["--engine", "sqlite"])
    assert told.exit_code == 0
    assert "Kept of Python 2.7:\nwith Python 3" in told.output


def grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each call take some steps more."""
    plain = add.delay

    def slower(*args: Any) -> Any:
        sum(number for number in range(100))
        return plain(*args)

    monkeypatch.setattr(add, "delay", slower)
