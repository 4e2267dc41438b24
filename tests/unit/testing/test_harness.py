"""The parts of the harness: ledgers survive kills, plans follow from their seed, reports fit a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cardoon.engines.contract import Profile
from cardoon.engines.urls import connect
from cardoon.model import codec, outcome
from cardoon.model.job import Claim
from cardoon.model.message import decode, encode
from cardoon.testing.torture import producer, report
from cardoon.testing.torture.check import Violation
from cardoon.testing.torture.evidence import Evidence
from cardoon.testing.torture.ground import Ground, default_url
from cardoon.testing.torture.haunted import BY_OWNER, BY_ZOMBIE, child_of, haunted
from cardoon.testing.torture.ledger import Damaged, Ledger, Record, read
from cardoon.testing.torture.nemesis import KILLS, OTHERS, Nemesis
from cardoon.testing.torture.plan import SHARES, planned
from cardoon.testing.torture.recovery import returns
from cardoon.testing.torture.setup import Setup
from cardoon.testing.torture.zombies import KINDS, Batch

# -- the ledger


def test_records_are_read_in_the_order_of_time_whoever_wrote_them(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path, "one"), Ledger(tmp_path, "two")
    for number in range(3):
        one.write("want", f"a{number}", data={"kind": "brief"})
        two.write("start", f"b{number}", token=number)
    records = read(tmp_path)
    assert [record.id for record in records] == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert records[0].data == {"kind": "brief"}
    assert {record.pid for record in records} == {os.getpid()}
    assert len(list(tmp_path.glob("one-*.ledger"))) == 1


def test_a_record_that_was_cut_off_is_left_out_and_a_bad_one_in_the_middle_is_told(tmp_path: Path) -> None:
    Ledger(tmp_path, "one").write("want", "job")
    (file,) = tmp_path.glob("*.ledger")
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:-9])
    assert [record.id for record in read(tmp_path)] == ["job"]
    file.write_bytes(whole.replace(b"job", b"jab") + whole)
    with pytest.raises(Damaged, match="checksum"):
        read(tmp_path)


KILLED_WRITER = """\
import os, signal, sys
from pathlib import Path
from cardoon.testing.torture.ground import Ground, default_url
from cardoon.testing.torture.haunted import BY_OWNER, BY_ZOMBIE, child_of, haunted
from cardoon.testing.torture.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), "killed")
for number in range(1000):
    ledger.write("want", str(number))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_survives_the_kill_of_its_writer(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_WRITER, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [record.id for record in read(tmp_path)] == [str(number) for number in range(1000)]


def test_a_forked_process_writes_a_file_of_its_own(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "one")
    ledger.write("want", "parent")
    pid = os.fork()
    if not pid:
        ledger.write("want", "child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert {record.id: record.pid for record in read(tmp_path)} == {"parent": os.getpid(), "child": pid}


# -- the plan


def test_a_plan_follows_from_its_seed_alone() -> None:
    assert planned(7, 500) == planned(7, 500)
    assert planned(7, 500) != planned(8, 500)
    assert len({job.id for job in planned(7, 500)}) == 500


def test_a_plan_has_every_kind_of_job_by_its_share() -> None:
    kinds = Counter(job.kind for job in planned(1, 20_000))
    for kind, share in SHARES.items():
        assert abs(kinds[kind] / 200 - share) < 1.5, kind
    assert sum(SHARES.values()) == 100


def test_every_planned_job_is_a_call_that_can_be_sent() -> None:
    for job in planned(3, 500):
        message = producer.message_of(job)
        assert (message.id, message.queue, message.priority) == (job.id, job.queue, job.priority)
        assert (message.due is not None) == bool(job.countdown)
        assert bool(message.link) == (job.kind == "chain")
        assert decode(encode(message)) == message


def test_the_nemesis_can_do_all_that_it_may_choose() -> None:
    for kind in (*KILLS, *OTHERS):
        assert callable(getattr(Nemesis, f"_{kind.replace(' ', '_')}")), kind
    assert sum(KILLS.values()) == 100


# -- zombies


@pytest.fixture
def batch(tmp_path: Path, setup: Setup) -> Iterator[Batch]:
    engine = connect(setup.ground.url)
    yield Batch(setup, engine, 0, 1)
    engine.close()


def attempt(batch: Batch, number: int) -> Claim:
    """The next attempt at the one job of a batch, written down."""
    (claim,) = batch.engine.claim(f"worker {number}", None, 1)
    Ledger(batch.setup.folder, "haunted").write("start", claim.id, token=claim.token, attempt=number)
    return claim


def ended(batch: Batch, claim: Claim, words: str) -> None:
    for kind in ("progress", "log"):
        batch.engine.annotate(claim, kind, words.encode())
    batch.engine.settle([(claim, outcome.succeeded(codec.dumps(words)))])


def test_what_only_the_owner_of_a_job_wrote_is_as_it_should_be(batch: Batch) -> None:
    batch.engine.push(list(batch.messages()))
    attempt(batch, 1)
    batch.engine.retire("worker 1")
    ended(batch, attempt(batch, 2), BY_OWNER)
    assert batch.accepted() == {}


def test_each_thing_that_a_zombie_could_write_would_be_noticed(batch: Batch) -> None:
    batch.engine.push(list(batch.messages()))
    claim = attempt(batch, 1)
    child = haunted.message(("", ""), {}, {"task_id": child_of("0-0")})
    batch.engine.push([child])
    ended(batch, claim, BY_ZOMBIE)
    assert batch.accepted() == dict.fromkeys(KINDS, 1)


def test_what_a_zombie_was_told_to_be_accepted_counts_too(batch: Batch) -> None:
    batch.engine.push(list(batch.messages()))
    attempt(batch, 1)
    batch.engine.retire("worker 1")
    ended(batch, attempt(batch, 2), BY_OWNER)
    Ledger(batch.setup.folder, "haunted").write("tried", "0-0", data={"log": True, "child": False})
    assert batch.accepted() == {"log": 1}


# -- the report


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(seed=1, jobs=20_000, kills=200, folder=tmp_path, ground=Ground.at(default_url(tmp_path)))


def reported(setup: Setup, violations: list[Violation]) -> report.Report:
    profile = Profile(name="durable", sentence="", version="SQLite 3.40.1")
    struck = Counter(dict.fromkeys((*KILLS, *OTHERS), 1_000))
    return report.report_of(setup, Evidence([], {}), violations, struck, profile, 360.0)


def test_a_report_fits_eighty_columns_and_names_no_place(setup: Setup) -> None:
    text = report.as_text(reported(setup, []))
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert str(setup.folder) not in text + report.as_json(reported(setup, []))


def test_a_report_is_read_back_as_it_was_written(setup: Setup) -> None:
    written = reported(setup, [Violation("C1", "lost", "it is gone", "job")])
    assert msgspec.json.decode(report.as_json(written), type=report.Report) == written
    assert not written.ok
    assert written.counts["lost"] == 1


def test_many_violations_are_told_by_their_number(setup: Setup) -> None:
    text = report.as_text(reported(setup, [Violation("C1", "lost", "it is gone", "job")] * 50))
    assert "     50  lost" in text
    assert "and 30 more" in text


def test_the_command_of_a_report_repeats_its_setup(setup: Setup) -> None:
    assert "--jobs 20000 --kills 200 " in setup.command
    assert "--url" not in setup.command
    far = Ground.at("redis://:secret@far/0")
    elsewhere = msgspec.structs.replace(setup, ground=far, worker_args=("-t", "10"))
    assert elsewhere.command.endswith("--worker-args '-t 10' --url URL")
    own = Ground("redis://127.0.0.1:2/0", "redis://127.0.0.1:1/0", kind="redis")
    on_a_server = msgspec.structs.replace(setup, ground=own, longest_outage=60.0)
    assert "--longest-outage 60 " in on_a_server.command
    assert on_a_server.command.endswith("-p 3 --engine redis")


def outages(*events: tuple[str, float]) -> list[tuple[str, float]]:
    records = [
        Record(event=event, at=round(at * 1e9), data={"kind": "server"} if event != "start" else {})
        for event, at in events
    ]
    return [(kind, round(seconds, 3)) for kind, seconds in returns(Evidence(records, {}))]


def test_the_return_of_a_server_is_timed_by_the_next_start() -> None:
    assert outages(("storm", 1), ("start", 1.1), ("over", 2), ("start", 2.25), ("start", 3)) == [
        ("server", 0.25)
    ]


def test_a_return_that_the_next_storm_cut_short_is_not_timed() -> None:
    assert outages(("over", 1), ("storm", 1.1), ("over", 2), ("start", 2.5)) == [("server", 0.5)]
