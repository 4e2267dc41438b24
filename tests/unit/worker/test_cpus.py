"""How many CPUs there are for this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cardoon.worker import cpus


def group(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "nonsense\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "50000\n"}, None),
    ],
)
def test_the_quota_of_a_control_group_of_either_version(
    files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert cpus._quota(group(tmp_path, files)) == quota


@pytest.mark.parametrize(("quota", "count"), [(None, 8), (0.5, 1), (1.0, 1), (1.5, 2), (6.2, 7), (64.0, 8)])
def test_a_part_of_a_cpu_counts_as_one_and_a_quota_beyond_the_affinity_not(
    quota: float | None, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(cpus, "_quota", lambda: quota)
    assert cpus.available_cpus() == count


def test_where_there_is_no_affinity_all_cpus_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(cpus, "_quota", lambda: None)
    assert cpus.available_cpus() == 3


def test_this_machine_has_some() -> None:
    assert 1 <= cpus.available_cpus() <= (os.cpu_count() or 1)
