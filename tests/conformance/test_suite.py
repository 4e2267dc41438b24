"""The suite can fail: engines with the bugs of other systems are caught, and the law is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from cardoon.engines.contract import End, Heard, Retired, Turn
from cardoon.engines.memory import MemoryEngine
from cardoon.engines.memory.jobs import Jobs
from cardoon.engines.memory.row import Row
from cardoon.model.errors import LeaseLost
from cardoon.model.job import Claim, Filter, Page, Report
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome
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
        will_wait: bool = False,
    ) -> Turn:
        rows = self._jobs.rows
        current = [(_with_token(claim, rows.get(claim.id)), outcome) for claim, outcome in ends]
        return super().exchange(current, worker, queues, limit, alone=alone, will_wait=will_wait)


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
        will_wait: bool = False,
    ) -> Turn:
        turn = super().exchange(ends, worker, queues, limit, alone=alone, will_wait=will_wait)
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
    def _crash(self, row: Row, solo: bool, evidence: str) -> None:
        super()._crash(row, True, evidence)


class FreesForAnybody(MemoryEngine):
    """Releases a lock whoever holds it."""

    def release(self, name: str, owner: str) -> bool:
        with self._step():
            self._locks._now(name).holds.clear()
            return True


class PagesByOffset(MemoryEngine):
    """Pages that move when jobs are pushed."""

    def find(self, filter: Filter, *, page: str | None = None, limit: int = 50, brief: bool = False) -> Page:
        start = int(page or 0)
        found = super().find(filter, limit=10_000).jobs
        more = str(start + limit) if len(found) > start + limit else None
        return Page(found[start : start + limit], more)


class ChecksThenPushes(MemoryEngine):
    """Stores what comes before a message that it cannot store."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        return [new for message in messages for new in super(ChecksThenPushes, self).push([message], by=by)]


class MakesAllFirst(MemoryEngine):
    """Takes all batches before it stores one."""

    def push_each(
        self, batches: Iterable[Sequence[Message]], *, by: Claim | None = None
    ) -> Iterator[list[bool]]:
        return super().push_each(list(batches), by=by)


class OneStepAhead(MemoryEngine):
    """Tells of a batch when the next one is stored too, and so of one too few before an error."""

    def push_each(
        self, batches: Iterable[Sequence[Message]], *, by: Claim | None = None
    ) -> Iterator[list[bool]]:
        answers = super().push_each(batches, by=by)
        for before in answers:
            for after in answers:
                yield before
                before = after
            yield before


class SleepsThroughPushes(MemoryEngine):
    """Waits its time without listening."""

    def wait(self, queues: Collection[str] | None, timeout: float, *, alone: bool = True) -> bool:
        with self._step() as jobs:
            if next(jobs.line(queues), None) is not None:
                return True
        return super().wait(["nobody sends here"], min(timeout, 6.0), alone=alone)


class RevivesTheCancelled(MemoryEngine):
    """Lets a job wait again though its cancelling was asked."""

    def cancel(self, ids: Collection[str], *, terminate: bool = False) -> dict[str, State]:
        states = super().cancel(ids, terminate=terminate)
        for id in states:
            self._jobs.rows[id].cancelling = False
        return states


class SendsForAnybody(MemoryEngine):
    """Stores what an attempt sends without asking whether it still owns its job."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        return super().push(messages)


class ChecksThenSends(MemoryEngine):
    """Asks whether an attempt owns its job, and stores what it sends in a second step."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        if by is not None:
            if not self.owns(by):
                raise LeaseLost
            self.wait([], 0.001)
        return super().push(messages)


class RefusesRepetitions(MemoryEngine):
    """Tells who repeats an end, since its answer was lost, that it lost the job."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._jobs = _JobsThatRemember(remembers=False)


class AcceptsAnySecondEnd(MemoryEngine):
    """Looks only at the token, and so takes another end for a repetition."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._jobs = _JobsThatRemember(remembers=True)


class _JobsThatRemember(Jobs):
    def __init__(self, *, remembers: bool) -> None:
        super().__init__()
        self._remembers = remembers

    def _ended_so(self, claim: Claim, outcome: Outcome) -> bool:
        return self._remembers and self._as_left_by(claim) is not None


class ForgetsOrders(MemoryEngine):
    """Tells an order once."""

    def beat(self, reports: Sequence[Report]) -> Heard:
        heard = super().beat(reports)
        for worker in heard.orders:
            self._orders.pop(worker)
        return heard


class TellsEverybody(MemoryEngine):
    """Tells who beats what another worker is to end."""

    def beat(self, reports: Sequence[Report]) -> Heard:
        everybody = [*reports, *(r for r in self.workers() if r not in reports)]
        return msgspec.structs.replace(super().beat(reports), terminate=super().beat(everybody).terminate)


class ReplaysWhatRuns(MemoryEngine):
    """Begins again with any job, and so runs one twice at once."""

    def replay(self, ids: Collection[str]) -> list[str]:
        with self._step() as jobs:
            rows = [jobs.rows[id] for id in ids if id in jobs.rows]
            for row in rows:
                jobs._leave_line(row)
                row.begin_afresh(0.0)
                jobs._ready(row, since=0.0)
            return [row.id for row in rows]


class ReplaysUnderTheOldFence(MemoryEngine):
    """Lets the attempts from before a replay end the job."""

    def replay(self, ids: Collection[str]) -> list[str]:
        replayed = super().replay(ids)
        for id in replayed:
            self._jobs.rows[id].token -= 2
        return replayed


class ReplaysWithoutAPast(MemoryEngine):
    """Forgets how a replayed job ended before."""

    def replay(self, ids: Collection[str]) -> list[str]:
        replayed = super().replay(ids)
        for id in replayed:
            self._jobs.rows[id].earlier.pop()
        return replayed


class DeletesWhatRuns(MemoryEngine):
    """Forgets any job."""

    def delete(self, ids: Collection[str]) -> list[str]:
        with self._step() as jobs:
            known = [id for id in dict.fromkeys(ids) if id in jobs.rows]
            for id in known:
                jobs._leave_line(jobs.rows[id])
                del jobs.rows[id]
            return known


class DeletesTheFence(MemoryEngine):
    """Tells jobs apart by their ids alone, and so takes an attempt of a forgotten job for one of the new."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._jobs = _JobsById()


class _JobsById(Jobs):
    def _as_left_by(self, claim: Claim) -> Row | None:
        row = self.rows.get(claim.id)
        return row if row is not None and row.token == claim.token else None


class HoldsWhatItHeld(MemoryEngine):
    """Tells a claim with the number of the attempt before."""

    def held(self, worker: str) -> list[Claim]:
        return [msgspec.structs.replace(c, attempt=c.attempt - 1) for c in super().held(worker)]


class LosesEvidence(MemoryEngine):
    """Takes the jobs out of the hands of a dead worker and says nothing of its death."""

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        return super().retire(worker, crashed=crashed)


class MournsNobody(MemoryEngine):
    """Quarantines a job without what was to follow its failure."""

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        known = set(self._jobs.rows)
        retired = super().retire(worker, crashed=crashed, evidence=evidence)
        self.delete(self._jobs.rows.keys() - known)
        return retired


class PurgesInSilence(MemoryEngine):
    """Says of purged jobs only that they are cancelled."""

    def purge(self, queues: Collection[str]) -> int:
        with self._step() as jobs:
            return len(jobs.cancel(jobs.waiting(queues)))


WRONG = {
    SettlesWithoutFence: ("settle/a_stale_end_is_refused", "G8"),
    ClaimsTwice: ("claim/a_job_goes_to_one_claimant", "G3"),
    FiresTwice: ("schedules/a_due_moment_fires_once", "G10"),
    CountsInnocents: ("suspects/an_innocent_neighbour_is_never_quarantined", "G11"),
    FreesForAnybody: ("locks/nobody_else_frees_it", "G9"),
    PagesByOffset: ("find/pages_stand_still_while_jobs_are_made", "I11"),
    ChecksThenPushes: ("push/a_batch_is_stored_all_or_none", "G1"),
    MakesAllFirst: ("batches/batches_are_taken_as_they_are_stored", "G1"),
    OneStepAhead: ("batches/what_comes_before_an_error_is_stored_and_told", "G1"),
    SleepsThroughPushes: ("wait/a_push_wakes", "G7"),
    RevivesTheCancelled: ("cancel/a_marked_job_never_waits_again", "G14"),
    SendsForAnybody: ("lease/a_lost_attempt_sends_nothing", "G8"),
    ChecksThenSends: ("races_of_operators/a_send_and_a_retirement_do_not_both_win", "G8"),
    RefusesRepetitions: ("repeat/a_final_end_repeated_is_once", "G8"),
    AcceptsAnySecondEnd: ("repeat/another_end_is_no_repetition", "G8"),
    ForgetsOrders: ("orders/an_order_stands", "G15"),
    TellsEverybody: ("terminate/only_its_worker_hears", "G14"),
    ReplaysWhatRuns: ("replay/what_has_not_ended_is_passed_over", "I4"),
    ReplaysUnderTheOldFence: ("replay/earlier_attempts_are_fenced", "G8"),
    ReplaysWithoutAPast: ("replay/the_old_end_is_kept", "G18"),
    DeletesWhatRuns: ("delete/what_runs_is_not_forgotten", "G8"),
    DeletesTheFence: ("delete/an_attempt_of_a_forgotten_job_owns_nothing", "G8"),
    HoldsWhatItHeld: ("held/a_worker_holds_what_it_claimed", "G3"),
    LosesEvidence: ("evidence/evidence_stays_with_the_attempt", "G11"),
    MournsNobody: ("evidence/quarantine_has_what_follows_a_failure", "G11"),
    PurgesInSilence: ("queues/what_was_purged_says_so", "G14"),
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


OUT_OF_SIGHT = {
    PagesByOffset,
    ChecksThenPushes,
    MakesAllFirst,
    OneStepAhead,
    SleepsThroughPushes,
    ChecksThenSends,
    LosesEvidence,
    PurgesInSilence,
}
"""What the machine does not do: it asks for no second page, pushes nothing unfit, never waits, does one
thing at a time, and reads neither errors nor notes.
"""
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


def test_the_command_tries_several_engines_side_by_side(tmp_path: Path) -> None:
    asked = _ask("memory://", "sqlite:///trial.db", "--only", "evidence/", folder=tmp_path)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "\n  memory  sqlite\n" in asked.stdout
    assert "\n  kept    kept    G11  " in asked.stdout
    assert max(map(len, asked.stdout.splitlines())) <= 80
    assert "\nmemory: " in asked.stdout
    assert "\nsqlite: " in asked.stdout


def test_several_engines_are_a_list_in_json(tmp_path: Path) -> None:
    asked = _ask("memory://", "sqlite:///trial.db", "--only", "kills/", "--json", folder=tmp_path)
    memory, sqlite = json.loads(asked.stdout)
    assert (memory["engine"], sqlite["engine"]) == ("memory", "sqlite")
    assert {v["verdict"] for v in memory["verdicts"]} == {"not declared"}
    assert {v["verdict"] for v in sqlite["verdicts"]} == {"kept"}
    assert sqlite["capabilities"] == ["shared", "durable", "remembers"]
    assert sqlite["version"].startswith("SQLite ")


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
