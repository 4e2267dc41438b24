"""The power goes at any moment of a story: `durable` keeps all that was answered, `fast` loses only a tail.

The disk is as nasty as it may be: what was not synced is lost, out of order, torn at 512 bytes, or
replaced by garbage where a file grew. CARDOON_TEST_POWER_CUTS says how many moments are tried for each
profile, CARDOON_TEST_SEED which ones.

The stories are written by the SQLite of apsw and read by Python's own: two versions of it, one file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon.engines.sqlite import engine as sqlite_engine

from .power import Verdict, judge, moments
from .story import tell

CUTS = int(os.environ.get("CARDOON_TEST_POWER_CUTS", "2000"))
CUTS_IN_A_STORY = 50
A_FEW = 300
ENOUGH_TO_SEE = 10


def verdicts(
    folder: Path, seed: int, profile: str, cuts: int, *, honest: bool = True, mishap: float = 0.0
) -> Iterator[tuple[str, Verdict]]:
    """Each cut by name, and what was found after it."""
    for number in range(seed, seed + -(-cuts // CUTS_IN_A_STORY)):
        place = folder / str(number)
        place.mkdir()
        story = tell(place, number, profile, mishap=mishap)
        for count, moment in enumerate(moments(story, CUTS_IN_A_STORY, honest=honest)):
            image = place / f"cut-{count}"
            image.mkdir()
            verdict = judge(image, story, moment, whole_tail=not mishap)
            yield f"seed {number}, cut {count} at step {moment.step}", verdict


def wrong(found: Iterator[tuple[str, Verdict]]) -> str:
    return "\n".join(f"{name}: {line}" for name, verdict in found for line in verdict.wrong[:3])


@pytest.mark.parametrize("profile", ["durable", "fast"])
def test_after_a_power_cut_the_file_is_as_its_profile_promises(
    profile: str, quick_folder: Path, seed: int
) -> None:
    assert wrong(verdicts(quick_folder, seed, profile, CUTS)) == ""


def test_fast_does_lose_a_tail(quick_folder: Path, seed: int) -> None:
    found = verdicts(quick_folder, seed, "fast", A_FEW)
    assert sum(bool(verdict.lost) for _name, verdict in found) > ENOUGH_TO_SEE


def test_durable_survives_syncs_that_fail_before_the_power_does(quick_folder: Path, seed: int) -> None:
    """Linux gives up what a failed sync left behind; whoever was told of an end was told after a good one."""
    assert wrong(verdicts(quick_folder, seed, "durable", A_FEW, mishap=0.3)) == ""


def test_fast_does_not_survive_syncs_that_fail(quick_folder: Path, seed: int) -> None:
    """A limit of SQLite's own: there a checkpoint trusts a log that a sync has given up."""
    assert wrong(verdicts(quick_folder, seed, "fast", A_FEW, mishap=0.5)) != ""


@pytest.mark.parametrize("profile", ["durable", "fast"])
def test_a_disk_that_only_says_that_it_synced_is_found_out(
    profile: str, quick_folder: Path, seed: int
) -> None:
    found = verdicts(quick_folder, seed, profile, A_FEW, honest=False)
    assert sum(bool(verdict.wrong) for _name, verdict in found) > ENOUGH_TO_SEE


@pytest.mark.parametrize("level", ["OFF", "NORMAL"])
def test_an_engine_that_syncs_too_little_to_be_durable_is_found_out(
    level: str, quick_folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite_engine._SYNCHRONOUS, "durable", level)
    found = verdicts(quick_folder, seed, "durable", A_FEW)
    assert sum(bool(verdict.lost) for _name, verdict in found) > ENOUGH_TO_SEE
