"""The runner that measures Cardoon beside its peers; the peers themselves are not needed here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.peers import environments, registry  # noqa: E402
from benchmarks.peers.kill import Killed, kill  # noqa: E402
from benchmarks.peers.measure import Measured, Size, measure  # noqa: E402
from benchmarks.peers.page import section  # noqa: E402
from benchmarks.peers.registry import SYSTEMS, System  # noqa: E402
from benchmarks.peers.report import COLUMNS, Entry, Report  # noqa: E402

TINY = Size(rounds=1, sends=10, share=0.001, calls=3, idle_calls=1, idle_seconds=0.01, naps=20)
OURS = next(system for system in SYSTEMS if system.ours and system.kind == "sqlite")
PEER = System(name="peer", adapter="huey", kind="sqlite", jobs=10)


def test_a_system_has_a_figure_for_each_column() -> None:
    found = measure(OURS, "", TINY)
    assert found.trouble == {}
    assert set(found.values) | {"cpu"} == {column.name for column in COLUMNS}  # so few may be done too soon
    assert all(value > 0 for value in found.values.values()), found.values
    assert found.versions.keys() == {"cardoon"}


def test_what_a_kill_does_to_jobs_is_seen() -> None:
    killed = kill(OURS, "")
    assert isinstance(killed, Killed), killed
    assert killed.ran > 0
    assert killed.again is not None
    assert (killed.gone, killed.twice) == (0, 0)


def test_what_cannot_run_has_a_reason() -> None:
    absent = System(name="absent", adapter="absent", kind="sqlite", jobs=10)
    assert "make bench-peers" in environments.missing(absent)


def test_what_does_not_work_is_noted_and_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "interpreter", lambda _: Path(sys.executable))
    broken = System(name="broken", adapter="no_such_adapter", kind="sqlite", jobs=10)
    monkeypatch.setattr("benchmarks.peers.processes.interpreter", lambda _: Path(sys.executable))
    found = measure(broken, "", TINY)
    assert found.values == {}
    assert "no_such_adapter" in found.trouble["all"]


def test_every_adapter_says_how_it_is_configured() -> None:
    assert all(system.notes for system in SYSTEMS)


def test_ours_is_the_first_of_each_kind_of_server() -> None:
    kinds = dict.fromkeys(system.kind for system in SYSTEMS)
    firsts = [next(system for system in SYSTEMS if system.kind == kind) for kind in kinds]
    assert all(system.adapter == registry.OURS for system in firsts)


def test_the_ratio_is_taken_to_ours_within_each_round_and_what_is_missing_is_told() -> None:
    ours = Entry(OURS, "as it is", rounds=[_found(100.0), _found(50.0), _found(10.0)])
    peer = Entry(PEER, "as usual", rounds=[_found(50.0), _found(100.0), _found(5.0)])
    text = "\n".join(section(Report("the command", {"kernel": "K"}, TINY, [ours, peer])))
    assert "| peer | 50/s [5..100] 0.50x |" in text
    assert "peer (sqlite): it has none (bulk)" in text
    assert "not measured" in text


def test_a_peer_that_was_not_installed_keeps_its_row() -> None:
    text = "\n".join(section(Report("the command", {}, TINY, [Entry(PEER, "n", missing="no wheel")])))
    assert "| peer | - |" in text
    assert "no wheel" in text


def test_what_a_kill_did_is_told() -> None:
    killed = Entry(OURS, "n", killed=Killed(ran=2, again=0.84, gone=0, twice=1))
    never = Entry(PEER, "n", killed=Killed(ran=2, again=None, gone=2, twice=0))
    text = "\n".join(section(Report("the command", {}, TINY, [killed, never])))
    assert "| cardoon | sqlite | 2 | 0.8 s | 0 | 1 |" in text
    assert "| peer | sqlite | 2 | - | 2 | 0 |" in text


def _found(rate: float) -> Measured:
    return Measured({"send": rate}, {"bulk": "it has none"})
