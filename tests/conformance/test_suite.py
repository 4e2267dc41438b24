"""The suite can fail: engines with the bugs of other systems are caught, and the law is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from cardoon.engines.contract import End, Turn
from cardoon.engines.memory import MemoryEngine
from cardoon.engines.memory.jobs import Jobs
from cardoon.engines.memory.row import Row
from cardoon.model.job import Claim, Filter, Page
from cardoon.model.message import Message
from cardoon.model.states import State
from cardoon.testing.conformance import arena_for, run

from .test_machine import SETTINGS, EngineMachine


class SettlesWithoutFence(MemoryEngine):
    """Any attempt may end a running job, as where only the state is looked at."""

    def exchange(
        self,
        ends: Sequence[End],
        worker: str,
        queues: Collection[str] | None,
        limit: int,
        *,
        alone: bool = True,
    ) -> Turn:
        rows = self._jobs.rows
        current = [(_with_token(claim, rows.get(claim.id)), outcome) for claim, outcome in ends]
        return super().exchange(current, worker, queues, limit, alone=alone)


def _with_token(claim: Claim, row: Row | None) -> Claim:
    return claim if row is None else msgspec.structs.replace(claim, token=row.token)


class ClaimsTwice(MemoryEngine):
    """Reads and marks in two steps, and so gives a job to two."""

    def exchange(
        self,
        ends: Sequence[End],
        worker: str,
        queues: Collection[str] | None,
        limit: int,
        *,
        alone: bool = True,
    ) -> Turn:
        turn = super().exchange(ends, worker, queues, limit, alone=alone)
        with self._step() as jobs:
            for claim in turn.claims:
                if claim.attempt == 1:
                    jobs._ready(jobs.rows[claim.id], since=0.0)
        return turn


class FiresTwice(MemoryEngine):
    """Pushes, then moves on, whatever the next moment is meanwhile."""

    def fire_due(self, name: str, due: float, next_due: float | None, messages: Sequence[Message]) -> bool:
        fired = super().fire_due(name, due, next_due, messages)
        if not fired:
            self.push(messages)
        return fired


class CountsInnocents(MemoryEngine):
    """Counts a crash for every job of a dead process."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._jobs = _JobsThatBlameAll()


class _JobsThatBlameAll(Jobs):
    def _crash(self, row: Row, solo: bool) -> None:
        super()._crash(row, solo=True)


class FreesForAnybody(MemoryEngine):
    """Releases a lock whoever holds it."""

    def release(self, name: str, owner: str) -> bool:
        with self._step():
            self._locks._now(name).holds.clear()
            return True


class PagesByOffset(MemoryEngine):
    """Pages that move when jobs are pushed."""

    def find(self, filter: Filter, *, page: str | None = None, limit: int = 50) -> Page:
        start = int(page or 0)
        found = super().find(filter, limit=10_000).jobs
        more = str(start + limit) if len(found) > start + limit else None
        return Page(found[start : start + limit], more)


class ChecksThenPushes(MemoryEngine):
    """Stores what comes before a message that it cannot store."""

    def push(self, messages: Sequence[Message]) -> list[bool]:
        return [new for message in messages for new in super(ChecksThenPushes, self).push([message])]


class SleepsThroughPushes(MemoryEngine):
    """Waits its time without listening."""

    def wait(self, queues: Collection[str] | None, timeout: float) -> bool:
        with self._step() as jobs:
            if next(jobs.line(queues), None) is not None:
                return True
        return super().wait(["nobody sends here"], min(timeout, 6.0))


class RevivesTheCancelled(MemoryEngine):
    """Lets a job wait again though its cancelling was asked."""

    def cancel(self, ids: Collection[str]) -> dict[str, State]:
        states = super().cancel(ids)
        for id in states:
            self._jobs.rows[id].cancelling = False
        return states


WRONG = {
    SettlesWithoutFence: ("settle/a_stale_end_is_refused", "G8"),
    ClaimsTwice: ("claim/a_job_goes_to_one_claimant", "G3"),
    FiresTwice: ("schedules/a_due_moment_fires_once", "G10"),
    CountsInnocents: ("suspects/an_innocent_neighbour_is_never_quarantined", "G11"),
    FreesForAnybody: ("locks/nobody_else_frees_it", "G9"),
    PagesByOffset: ("find/pages_stand_still_while_jobs_are_made", "I11"),
    ChecksThenPushes: ("push/a_batch_is_stored_all_or_none", "G1"),
    SleepsThroughPushes: ("wait/a_push_wakes", "G7"),
    RevivesTheCancelled: ("cancel/a_marked_job_never_waits_again", "G14"),
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_engine_is_caught_and_the_law_is_named(wrong: type[MemoryEngine]) -> None:
    law, guarantee = WRONG[wrong]
    report = run("memory://", law, connect=wrong)
    broken = {verdict.law: verdict for verdict in report.verdicts if verdict.verdict == "broken"}
    assert law in broken
    assert broken[law].guarantee == guarantee
    assert broken[law].text
    assert broken[law].detail
    assert not report.ok


def test_a_claimer_that_reads_and_marks_in_two_steps_is_caught_by_the_races_too() -> None:
    report = run("memory://", "races/claimers", connect=ClaimsTwice)
    assert "races/claimers_never_share_a_job" in {v.law for v in report.verdicts if v.verdict == "broken"}


OUT_OF_SIGHT = {PagesByOffset, ChecksThenPushes, SleepsThroughPushes}
"""What the machine does not do: it asks for no second page, pushes nothing unfit, never waits."""
IN_SIGHT = [wrong for wrong in WRONG if wrong not in OUT_OF_SIGHT]


@pytest.mark.parametrize("wrong", IN_SIGHT, ids=lambda wrong: wrong.__name__)
def test_the_machine_catches_a_wrong_engine(wrong: type[MemoryEngine]) -> None:
    fixed = settings(SETTINGS, derandomize=True, phases=[Phase.generate])
    with pytest.raises((AssertionError, ExceptionGroup, IndexError)):
        run_state_machine_as_test(lambda: EngineMachine(arena_for("memory://"), wrong), settings=fixed)


def test_an_undeclared_capability_is_told_and_not_passed_over_in_silence() -> None:
    report = run("memory://", "kills/")
    assert report.totals == {"not declared": len(report.verdicts)}
    assert {verdict.detail for verdict in report.verdicts} == {"shared, durable"}
    assert report.ok


def _ask(*args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-m", "cardoon.testing.conformance", *args], folder)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_prints_every_law_in_80_columns_and_leaves_nothing_behind(tmp_path: Path) -> None:
    asked = _ask("sqlite:///trial.db", "--only", "limits/", folder=tmp_path)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "\nlimits\n  kept          G20  A bucket grants" in asked.stdout
    assert max(map(len, asked.stdout.splitlines())) <= 80
    assert "10 laws: 10 kept; profile durable" in asked.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_command_tells_json(tmp_path: Path) -> None:
    asked = _ask("memory://", "--only", "G10", "--json", folder=tmp_path)
    report = json.loads(asked.stdout)
    assert asked.returncode == 0
    assert report["profile"] == "volatile"
    assert {verdict["guarantee"] for verdict in report["verdicts"]} == {"G10"}


def test_the_command_refuses_a_scheme_without_an_arena(tmp_path: Path) -> None:
    asked = _ask("carrier-pigeon://loft", folder=tmp_path)
    assert asked.returncode == 2
    assert "no arena for 'carrier-pigeon'" in asked.stderr


def test_the_command_fails_when_a_law_is_broken(tmp_path: Path) -> None:
    program = (
        "from cardoon.engines import urls; from cardoon.engines.memory import MemoryEngine\n"
        "MemoryEngine.release = lambda self, name, owner: True\n"
        "from cardoon.testing.conformance.__main__ import main\n"
        "main(['memory://', '--only', 'locks/'])\n"
    )
    asked = _run([sys.executable, "-c", program], tmp_path)
    assert asked.returncode == 1, asked.stderr
    assert "broken        G9   A release by another owner is refused" in asked.stdout
    assert "locks/nobody_else_frees_it" in asked.stdout
