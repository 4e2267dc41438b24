"""What the SQLite engine does with damaged rows, a full disk, a held turn, forks and age."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Collection, Generator
from pathlib import Path

import pytest

from cardoon.engines.sqlite import connection
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock
from cardoon.model.errors import EngineBusy
from cardoon.model.job import Filter, Report
from cardoon.model.message import Message, encode
from cardoon.model.outcome import succeeded
from cardoon.model.states import State


@pytest.fixture
def engine(tmp_path: Path) -> Generator[SqliteEngine, None, None]:
    made = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db")
    made.open()
    yield made
    made.close()


def message(task: str = "shop.resize") -> Message:
    return Message(id=clock.new_id(), task=task, sent=clock.now())


def by_hand(engine: SqliteEngine, statement: str, *values: object) -> None:
    db = sqlite3.connect(engine.path)
    db.execute(statement, values)
    db.commit()
    db.close()


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b'{"v":2}', b"[1,2]", b"\xff\xfe", None, 7, "text that is no message"]
)
def test_a_row_that_cannot_be_read_is_parked_and_the_others_go_on(engine: SqliteEngine, body: object) -> None:
    bad, good = message(), message()
    engine.push([bad, good])
    by_hand(engine, "UPDATE jobs SET body = coalesce(?, x'') WHERE id = ?", body, bad.id)
    claims = engine.claim("worker", None, 10)
    assert [claim.id for claim in claims] == [good.id]
    parked = engine.result(bad.id)
    assert parked is not None
    assert parked.state is State.PARKED
    assert parked.note


def test_a_row_of_a_newer_version_is_parked_with_the_advice_to_upgrade(engine: SqliteEngine) -> None:
    newer = message()
    engine.push([newer])
    by_hand(engine, "UPDATE jobs SET body = ? WHERE id = ?", b'{"v":9,"id":"x","task":"y"}', newer.id)
    assert engine.claim("worker", None, 1) == []
    parked = engine.result(newer.id)
    assert parked is not None
    assert "upgrade the workers" in parked.note


def test_parked_jobs_return_when_a_worker_knows_their_task(engine: SqliteEngine) -> None:
    known, unknown = message("shop.resize"), message("shop.gone")
    engine.push([known, unknown])
    for id in (known.id, unknown.id):
        by_hand(engine, "UPDATE jobs SET state = 'parked', note = 'why' WHERE id = ?", id)
    assert engine.unpark(["shop.resize"]) == 1
    assert [claim.id for claim in engine.claim("worker", None, 10)] == [known.id]


def test_a_turn_that_somebody_keeps_is_waited_for_in_bounded_time(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CALL_SECONDS", 0.2)
    holder = os.open(f"{engine.path}-turn", os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(EngineBusy, match="nothing was written"):
        engine.push([message()])
    os.close(holder)
    engine.push([message()])
    assert len(engine.find(Filter()).jobs) == 1


def test_threads_share_an_engine_object(engine: SqliteEngine) -> None:
    def send() -> None:
        for _ in range(50):
            engine.push([message()])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.count()["celery"][State.READY] == 400


def test_a_forked_process_opens_connections_of_its_own(engine: SqliteEngine) -> None:
    engine.push([message()])
    child = os.fork()
    if child == 0:
        try:
            engine.push([message()])
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    engine.push([message()])
    assert engine.count()["celery"][State.READY] == 3


def test_the_sweep_forgets_what_is_older_than_the_retention_and_nothing_else(tmp_path: Path) -> None:
    engine = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db?retention=60")
    old, fresh, waiting = message(), message(), message()
    engine.push([old, fresh, waiting])
    claims = {claim.id: claim for claim in engine.claim("worker", None, 2)}
    engine.settle([(claims[id], succeeded(b"1")) for id in (old.id, fresh.id)])
    engine.close()
    by_hand(engine, "UPDATE jobs SET finished = finished - 3600 WHERE id = ?", old.id)
    assert engine.sweep().forgotten == 1
    assert engine.result(old.id) is None
    assert engine.result(fresh.id) is not None
    assert engine.result(waiting.id) is not None
    engine.close()


def test_a_job_replayed_while_it_is_being_forgotten_stays_with_its_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db?retention=60")
    old = message()
    engine.push([old])
    engine.settle([(claim, succeeded(b"1")) for claim in engine.claim("worker", None, 1)])
    by_hand(engine, "UPDATE jobs SET finished = finished - 3600")
    forget = engine._forget

    def replayed_first(ids: Collection[str], before: float) -> int:
        assert engine.replay(ids) == [old.id]
        return forget(ids, before)

    monkeypatch.setattr(engine, "_forget", replayed_first)
    assert engine.sweep().forgotten == 0
    assert [attempt.result for attempt in engine.attempts(old.id)] == [b"1"]
    assert [claim.id for claim in engine.claim("worker", None, 1)] == [old.id]
    engine.close()


def test_a_parked_row_that_cannot_be_read_is_replayed_and_parked_again(engine: SqliteEngine) -> None:
    bad = message()
    engine.push([bad])
    by_hand(engine, "UPDATE jobs SET body = ?", b"garbage")
    assert engine.claim("worker", None, 1) == []
    assert engine.replay([bad.id]) == [bad.id]
    assert engine.claim("worker", None, 1) == []
    parked = engine.result(bad.id)
    assert parked is not None
    assert parked.state is State.PARKED
    assert len(engine.attempts(bad.id)) == 1


def test_a_running_row_that_cannot_be_read_any_more_is_held_by_nobody(engine: SqliteEngine) -> None:
    bad, good = message(), message()
    engine.push([bad, good])
    engine.claim("worker", None, 2)
    by_hand(engine, "UPDATE jobs SET body = ? WHERE id = ?", b"garbage", bad.id)
    assert [claim.id for claim in engine.held("worker")] == [good.id]
    assert sorted(engine.retire("worker").returned) == sorted([bad.id, good.id])


def test_history_stays_out_of_the_way_of_a_claim(engine: SqliteEngine) -> None:
    db = sqlite3.connect(engine.path)
    plan = db.execute(
        "EXPLAIN QUERY PLAN SELECT priority, seq, suspect FROM jobs "
        "WHERE state = 'ready' AND queue = ? ORDER BY priority, seq LIMIT ?",
        ("celery", 10),
    ).fetchall()
    db.close()
    assert "jobs_ready" in plan[0][-1]
    assert not any("TEMP B-TREE" in row[-1] for row in plan)


FULL_DISK = """
import pathlib, sys
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock
from cardoon.model.errors import EngineFull
from cardoon.model.message import Message

engine = SqliteEngine(f"sqlite:///{sys.argv[1]}/jobs.db")
stored = []
try:
    while True:
        m = Message(id=clock.new_id(), task="t", args=["x" * 2000])
        engine.push([m])
        stored.append(m.id)
except EngineFull as error:
    assert "earlier jobs are intact" in str(error), error
assert len(stored) > 20, stored
assert all(engine.result(id) is not None for id in stored)
assert engine.count()["celery"]["ready"] == len(stored)
engine.close()

pathlib.Path(sys.argv[1], "rest").touch()
with open(f"{sys.argv[1]}/rest", "wb", buffering=0) as rest:
    try:
        while True:
            rest.write(b"x" * 512)
    except OSError:
        pass
anew = SqliteEngine(f"sqlite:///{sys.argv[1]}/jobs.db")
try:
    anew.push([m])
    raise AssertionError("stored where there is no room")
except EngineFull as error:
    assert "no space left" in str(error), error
print("intact", len(stored))
"""


def test_a_full_disk_refuses_the_job_and_keeps_the_earlier_ones(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = tmp_path / "fill.py"
    script.write_text(textwrap.dedent(FULL_DISK))
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("needs unshare(1) for a private small file system")
    mount = f"mount -t tmpfs -o size=2m tmpfs {small} && exec {sys.executable} {script} {small}"
    done = subprocess.run(
        [unshare, "-Urm", "sh", "-c", mount], capture_output=True, text=True, timeout=60, check=False
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no private file system to be had here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("intact")


@pytest.mark.parametrize(
    "change",
    [
        "state = 'nonsense'",
        "created = 'soon'",
        "due = 'never', state = 'delayed'",
        "expires = 'never'",
        "task = x'00ff'",
        "queue = x'00ff'",
        "priority = 'high'",
        "error = 'not json'",
        "attempt = 'many'",
    ],
)
def test_a_row_damaged_by_hand_is_shown_and_stops_nothing(engine: SqliteEngine, change: str) -> None:
    bad, good = message(), message()
    engine.push([bad, good])
    by_hand(engine, f"UPDATE jobs SET {change} WHERE id = ?", bad.id)
    assert {job.id for job in engine.find(Filter()).jobs} == {bad.id, good.id}
    assert engine.result(bad.id) is not None
    engine.sweep()
    assert good.id in {claim.id for claim in engine.claim("worker", None, 10)}
    assert engine.wait(None, 0.0) in (True, False)
    assert good.id in {job.id for job in engine.find(Filter()).jobs}


def test_a_row_with_the_message_of_another_job_is_parked(engine: SqliteEngine) -> None:
    one, other = message(), message()
    engine.push([one])
    by_hand(engine, "UPDATE jobs SET body = ? WHERE id = ?", encode(other), one.id)
    assert engine.claim("worker", None, 1) == []
    parked = engine.result(one.id)
    assert parked is not None
    assert "holds the message of" in parked.note


def test_a_worker_whose_report_cannot_be_read_is_known_by_its_id(engine: SqliteEngine) -> None:
    engine.beat([Report(worker="w1")])
    by_hand(engine, "UPDATE workers SET report = x'ff00'")
    assert [report.worker for report in engine.workers()] == ["w1"]
    engine.sweep()


def test_a_turn_that_was_not_had_at_the_first_use_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db")
    monkeypatch.setattr(connection, "CALL_SECONDS", 0.1)
    holder = os.open(f"{engine.path}-turn", os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(EngineBusy):
        engine.count()
    os.close(holder)
    thread = threading.Thread(target=engine.push, args=([message()],))
    thread.start()
    thread.join()
    assert engine.count()["celery"][State.READY] == 1
    engine.close()


def test_a_forked_child_does_not_hold_the_turn_of_its_dead_parent(tmp_path: Path) -> None:
    program = tmp_path / "die.py"
    program.write_text(
        "import os, signal, sys, time\n"
        "from cardoon.engines.sqlite.engine import SqliteEngine\n"
        f"engine = SqliteEngine('sqlite:///{tmp_path}/jobs.db')\n"
        "with engine._files.writing():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        sys.stdin.read()\n"
        "        os._exit(0)\n"
        "    print(child, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    reader, writer = os.pipe()
    dead = subprocess.Popen([sys.executable, program], stdin=reader, stdout=subprocess.PIPE)
    dead.wait(20)
    engine = SqliteEngine(f"sqlite:///{tmp_path}/jobs.db")
    assert engine.push([message()]) == [True]
    engine.close()
    os.close(writer)
    os.close(reader)
    assert dead.stdout is not None
    dead.stdout.close()


def test_a_bell_that_cannot_be_rung_does_not_undo_the_commit(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_files(*_: object) -> int:
        raise OSError(24, "Too many open files")

    engine.push([message()])
    monkeypatch.setattr(os, "pwrite", no_more_files)
    assert engine.push([message()]) == [True]
    assert engine.count()["celery"][State.READY] == 2
