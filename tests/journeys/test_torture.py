"""A short torture: the harness as anybody runs it, on every kind of pool; and proof that it can fail.

`make torture` is the long one. A failure prints its seed; TORTURE_SEED repeats its jobs and its faults.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests import servers

from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model.states import State
from cardoon.testing.torture.check import check
from cardoon.testing.torture.evidence import Evidence
from cardoon.testing.torture.ground import default_url
from cardoon.testing.torture.outages import KINDS as HARM
from cardoon.testing.torture.outages import Outages
from cardoon.testing.torture.report import Report
from cardoon.testing.torture.run import gathered
from cardoon.testing.torture.zombies import KINDS, Trials

SECONDS = 300
SEED = int(os.environ.get("TORTURE_SEED") or random.randrange(1_000_000))


def torture(*words: str) -> str:
    """The JSON of a run in which nothing may be violated."""
    print(f"TORTURE_SEED={SEED}")
    command = [sys.executable, "-m", "cardoon.testing.torture", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def short(folder: Path, jobs: int, kills: int, *words: str) -> Report:
    much = ("--jobs", str(jobs), "--kills", str(kills), "--longest-stop", "2", "--workers", "2")
    said = torture(*much, "--seed", str(SEED), "--keep", str(folder), *words)
    return msgspec.json.decode(said, type=Report)


@pytest.fixture(scope="module")
def tortured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A run on the pool that workers have by themselves, and its folder."""
    folder = tmp_path_factory.mktemp("torture")
    return short(folder, 600, 12), folder


def test_whatever_is_killed_nothing_is_lost_and_nothing_is_doubled(tortured: tuple[Report, Path]) -> None:
    report, _ = tortured
    assert report.kills == 12
    assert report.jobs > 600  # chains and families add some
    assert report.ended.keys() <= {"succeeded", "cancelled", "quarantined"}
    assert set(report.counts.values()) == {0}


def test_nor_in_lanes_of_threads_and_event_loops(tmp_path: Path) -> None:
    report = short(tmp_path, 300, 6, "--worker-args", "-t 3 --async 20")
    assert set(report.counts.values()) == {0}


@pytest.mark.parametrize("engine", sorted(servers.KINDS))
def test_nor_when_the_server_is_killed_and_connections_are_cut(tmp_path: Path, engine: str) -> None:
    servers.private(engine)  # or it is skipped
    report = short(tmp_path, 300, 12, "--engine", engine)
    assert set(report.counts.values()) == {0}
    assert report.kills == 12


@pytest.mark.parametrize("engine", sorted(servers.KINDS))
def test_after_an_outage_work_goes_on_within_two_seconds_and_nothing_is_run_twice(engine: str) -> None:
    servers.private(engine)  # or it is skipped
    said = torture("outages", "--engine", engine, "--outages", "2", "--length", "9")
    found = msgspec.json.decode(said, type=Outages)
    assert (found.ran_throughout, found.repeated) == (4, 0)
    assert {kind: figures.jobs for kind, figures in found.returns.items()} == dict.fromkeys(HARM, 1)
    assert min(figures.max for figures in found.returns.values()) < 2.0  # the other one may be held up


@pytest.mark.parametrize("engine", ["sqlite", *sorted(servers.KINDS)])
def test_a_zombie_can_write_nothing(engine: str) -> None:
    if engine in servers.KINDS:
        servers.private(engine)  # or it is skipped
    said = torture("zombies", "--engine", engine, "--trials", "8", "--at-once", "8", "-p", "8")
    trials = msgspec.json.decode(said, type=Trials)
    assert trials.trials == trials.refused == 8
    assert trials.accepted == dict.fromkeys(KINDS, 0)


# -- it can fail: the evidence of the same run, with one thing changed


@pytest.fixture
def engine(tortured: tuple[Report, Path]) -> Iterator[Engine]:
    made = connect(default_url(tortured[1]))
    yield made
    made.close()


@pytest.fixture
def evidence(tortured: tuple[Report, Path], engine: Engine) -> Evidence:
    return gathered(tortured[1], engine, [])


def told(evidence: Evidence) -> set[str]:
    return {violation.what for violation in check(evidence)}


def a_success(evidence: Evidence) -> str:
    """A job that succeeded in a process to which nothing had happened when it began."""
    succeeded = (record.id for record in evidence.events("ack") if evidence.succeeded(record.id))
    return next(
        id for id in succeeded if not evidence.fault(last := evidence.of(id, "start")[-1], last.at + 1)
    )


def test_the_evidence_is_kept_and_can_be_checked_again(evidence: Evidence) -> None:
    assert check(evidence) == []


def test_a_job_that_is_gone_is_noticed(evidence: Evidence) -> None:
    jobs = dict(evidence.jobs)
    del jobs[a_success(evidence)]
    assert "lost" in told(Evidence(evidence.records, jobs, evidence.attempts))


def test_a_job_that_still_runs_is_noticed(evidence: Evidence) -> None:
    id = a_success(evidence)
    running = msgspec.structs.replace(evidence.jobs[id], state=State.RUNNING)
    assert "lost" in told(Evidence(evidence.records, {**evidence.jobs, id: running}, evidence.attempts))


def test_a_job_that_ran_again_for_no_reason_is_noticed(evidence: Evidence) -> None:
    first = evidence.of(a_success(evidence), "start")[-1]
    again = msgspec.structs.replace(first, at=first.at + 1, token=first.token + 1)
    records = sorted([*evidence.records, again], key=lambda record: record.at)
    assert "doubled while alive" in told(Evidence(records, evidence.jobs, evidence.attempts))


def test_without_the_records_of_the_kills_the_repeated_starts_are_noticed(evidence: Evidence) -> None:
    records = [r for r in evidence.records if r.event not in ("kill", "die", "stop", "arm")]
    assert {"unexplained", "doubled while alive"} & told(Evidence(records, evidence.jobs, evidence.attempts))
