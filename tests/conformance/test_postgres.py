"""What only PostgreSQL has: old snapshots, rights, poolers, the caller's transaction, ways to fail."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import psycopg.conninfo
import pytest
from tests import servers

from cardoon.engines import silence
from cardoon.engines.postgres.engine import PostgresEngine
from cardoon.engines.postgres.schema import MIGRATIONS, remove
from cardoon.engines.sqlfile import migrations
from cardoon.model import clock, outcome
from cardoon.model.errors import EngineError, EngineRefused, EngineUnavailable
from cardoon.model.job import Claim, Filter, Report
from cardoon.model.message import Message
from cardoon.model.states import State
from cardoon.testing import faults
from cardoon.testing.conformance.arena import RoomArena, arena_for, offer
from cardoon.testing.conformance.facts import until
from cardoon.testing.conformance.suite import run
from cardoon.testing.faults.servers.ports import free_port

Make = Callable[..., PostgresEngine]
KNOWN = len(migrations(MIGRATIONS))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with servers.url_of("postgres") as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    arena = arena_for(server)
    yield arena.fresh()
    arena.cleanup()


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[PostgresEngine] = []

    def new(url: str, **how: Any) -> PostgresEngine:
        made.append(PostgresEngine(url, **how))
        return made[-1]

    yield new
    for engine in made:
        engine.close()


def message(**changes: Any) -> Message:
    return Message(**{"id": clock.new_id(), "task": "shop.resize", **changes})


def with_option(url: str, option: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{option}"


def schema_of(url: str) -> str:
    return url.rpartition("schema=")[2]


def plain(url: str) -> str:
    return url.partition("?")[0]


# -- an old snapshot


def drained(engine: PostgresEngine, rounds: int) -> list[float]:
    """The seconds of each exchange of a hundred jobs, which were pushed before."""
    ends: list[tuple[Claim, outcome.Outcome]] = []
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        turn = engine.exchange(ends, "ada", None, 100)
        seconds.append(time.perf_counter() - start)
        assert len(turn.claims) == 100
        ends = [(claim, outcome.succeeded(b"1")) for claim in turn.claims]
    engine.settle(ends)
    return seconds


def test_a_long_snapshot_does_not_slow_claims(url: str, make: Make) -> None:
    engine = make(with_option(url, "profile=fast"))
    with psycopg.connect(plain(url)) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute(f"SELECT count(*) FROM {schema_of(url)}.jobs")
        for _ in range(10):
            engine.push([message() for _ in range(5_000)])
        seconds = drained(engine, 490)
        first, last = min(seconds[10:60]), min(seconds[-50:])  # others may be busy meanwhile
        one = message()
        engine.push([one])
        assert [claim.id for claim in engine.claim("bea", None, 1_100)][-1] == one.id
    assert last < 3 * first, f"a claim took {first * 1e3:.2f} ms at first and {last * 1e3:.2f} ms in the end"


def test_what_comes_back_under_a_long_snapshot_is_claimed_before_younger_jobs(url: str, make: Make) -> None:
    engine, other = make(url), make(url)
    with psycopg.connect(plain(url)) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute(f"SELECT count(*) FROM {schema_of(url)}.jobs")
        engine.push([message() for _ in range(3_000)])
        first = engine.claim("ada", None, 1)
        drained(engine, 20)
        other.settle([(first[0], outcome.returned())])
        assert [claim.id for claim in engine.claim("ada", None, 1)] == [first[0].id]


# -- the caller's transaction


def test_a_push_within_the_callers_transaction_comes_and_goes_with_it(url: str, make: Make) -> None:
    engine, job, gone = make(url), message(), message(queue="never seen")
    with psycopg.connect(plain(url), row_factory=psycopg.rows.dict_row) as mine:
        assert engine.push_on(mine, [job]) == [True]
        assert engine.result(job.id) is None
        mine.commit()
        assert engine.push_on(mine, [gone, job]) == [True, False]
        mine.rollback()
    kept = engine.result(job.id)
    assert kept is not None
    assert kept.state is State.READY
    assert engine.result(gone.id) is None
    assert [claim.id for claim in engine.claim("ada", None, 5)] == [job.id]


def test_a_commit_of_the_caller_wakes_a_worker(url: str, make: Make) -> None:
    engine, sender, heard = make(url), make(url), []
    waiter = threading.Thread(target=lambda: heard.append(engine.wait(None, 20.0)))
    with psycopg.connect(plain(url)) as mine:
        sender.push_on(mine, [message()])
        waiter.start()
        mine.commit()
    waiter.join(60.0)
    assert heard == [True]


def test_a_caller_may_pass_what_wraps_the_drivers_connection(url: str, make: Make) -> None:
    class Wrapped:
        def __init__(self, inside: object) -> None:
            self.connection = inside

    engine, job = make(url), message()
    with psycopg.connect(plain(url)) as mine:
        assert engine.push_on(Wrapped(Wrapped(mine)), [job]) == [True]
    assert engine.result(job.id) is not None
    with pytest.raises(TypeError, match="no connection of psycopg"):
        engine.push_on(object(), [job])


# -- what is refused


def test_a_schema_that_is_not_there_is_refused_with_the_next_step(server: str, make: Make) -> None:
    engine = make(with_option(server, "schema=not_there"))
    with pytest.raises(EngineRefused, match="run `cardoon migrate`"):
        engine.push([message()])


def test_a_newer_schema_is_refused_with_both_numbers(url: str, make: Make) -> None:
    with psycopg.connect(plain(url)) as db:
        db.execute(f"INSERT INTO {schema_of(url)}.migrations (number, name) VALUES (99, 'later')")
    with pytest.raises(EngineRefused, match=f"at migration 99, this Cardoon knows {KNOWN}: upgrade"):
        make(url).open()


def test_migrating_twice_at_once_is_migrating_once(server: str, make: Make) -> None:
    url, applied = with_option(server, f"schema=m{os.getpid()}"), []
    try:
        engines = [make(url) for _ in range(3)]
        threads = [threading.Thread(target=lambda e=e: applied.append(e.migrate())) for e in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60.0)
        assert sorted(map(len, applied)) == [0, 0, KNOWN]
    finally:
        remove(url)


def test_the_script_makes_the_same_schema(server: str, make: Make) -> None:
    url = with_option(server, f"schema=s{os.getpid()}")
    engine, job = make(url), message()
    try:
        with psycopg.connect(plain(url), autocommit=True) as db:
            db.execute(engine.migrations_sql().encode())
        assert engine.migrate() == []
        engine.push([job])
        assert [claim.id for claim in engine.claim("ada", None, 1)] == [job.id]
    finally:
        remove(url)


def test_a_wrong_database_user_or_password_is_refused_and_no_password_is_told(
    server: str, make: Make
) -> None:
    head, _, tail = plain(server).rpartition("@")
    host = tail.partition("/")[0]
    wrong = {
        "database": f"{head}@{tail.partition('/')[0]}/nowhere",
        "user": f"postgresql://nobody-here:geheim@{host}/postgres",
    }
    for url in wrong.values():
        engine = make(url)
        with pytest.raises(EngineRefused) as refused:
            engine.open()
        assert "geheim" not in f"{refused.value} {refused.value.__cause__} {engine!r}"


def test_a_server_that_is_away_is_unavailable(make: Make) -> None:
    with pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1:1"):
        make("postgresql://127.0.0.1:1/d").push([message()])


def test_a_server_without_tls_is_refused_unless_that_is_said(server: str, make: Make) -> None:
    engine = make(with_option(plain(server), "sslmode=verify-full&sslrootcert=system"))
    with pytest.raises(EngineRefused, match="sslmode=disable"):
        engine.open()


def test_a_session_that_was_ended_is_replaced(url: str, make: Make) -> None:
    engine = make(url)
    engine.push([message()])
    with psycopg.connect(plain(url), autocommit=True) as db:
        others = "FROM pg_stat_activity WHERE application_name = 'cardoon' AND pid <> pg_backend_pid()"
        db.execute(f"SELECT pg_terminate_backend(pid) {others}")
        until(lambda: db.execute(f"SELECT count(*) {others}").fetchone() == (0,), "the sessions are gone")
    assert engine.push([message()]) == [True]


@pytest.mark.parametrize("harm", [faults.Proxy.cut_before, faults.Proxy.cut_after, faults.Proxy.black_hole])
def test_the_driver_logs_nothing_of_a_step_that_cannot_be_rolled_back(
    url: str, make: Make, caplog: pytest.LogCaptureFixture, harm: Callable[[faults.Proxy], None]
) -> None:
    """The caller is told, and that is enough."""
    found = psycopg.conninfo.conninfo_to_dict(url.partition("?")[0])
    with faults.Proxy((str(found["host"]), int(found["port"] or 5432))) as proxy:
        engine = make(proxy.through(url))
        engine.acquire("till", "ada")
        harm(proxy)
        with pytest.raises(EngineUnavailable):
            engine.release("till", "ada")
        proxy.heal()
        engine.release("till", "ada")
        assert engine.acquire("till", "bea") is not None
    assert [record for record in caplog.records if record.name.startswith("psycopg")] == []


def test_a_lock_that_is_held_elsewhere_ends_a_call_in_time(url: str, make: Make) -> None:
    engine = make(url)
    engine.push([message()])
    with psycopg.connect(plain(url)) as db:
        db.execute(f"LOCK TABLE {schema_of(url)}.jobs IN ACCESS EXCLUSIVE MODE")
        start = time.monotonic()
        with pytest.raises(EngineUnavailable, match="did not answer within 5 s"):
            engine.push([message()])
        assert time.monotonic() - start < 20.0
    assert engine.push([message()]) == [True]


# -- rights


SWEEPER = """\
import sys

from cardoon.engines.urls import connect

connect(sys.argv[1]).sweep()
"""


def test_who_stands_still_in_the_middle_of_a_sweep_holds_up_nobody_for_long(url: str, make: Make) -> None:
    engine = make(url)
    engine.push([message()])
    engine.beat([dead_report("doomed"), Report(worker="ada")])
    (claim,) = engine.claim("doomed", None, 1)
    environment = {**os.environ, **faults.failing_at("sweep.middle_of_batch=sleep:600")}
    # Not by a lock of its own: a sweep passes over a worker that it finds locked.
    within = "SELECT FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND position(%s IN query) > 0"
    with (
        psycopg.connect(plain(url), autocommit=True) as looks,
        subprocess.Popen([sys.executable, "-c", SWEEPER, url], env=environment) as sweeper,
    ):
        try:
            until(lambda: looks.execute(within, [schema_of(url)]).fetchall(), "a sweep that stands still")
            begun = clock.monotonic()
            assert engine.sweep().dead == {}
            assert engine.beat([Report(worker="ada", beats=1)]).retired == set()
            assert clock.monotonic() - begun < 1.0
            until(lambda: engine.sweep().dead, "the end of that sweep by the server")
            assert clock.monotonic() - begun < 4.0
        finally:
            sweeper.kill()
    assert not engine.owns(claim)


def dead_report(worker: str) -> Report:
    """Of a process that has ended on this host."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    return Report(worker=worker, host=silence.host(), boot=silence.boot_id(), pid=gone.pid, pid_started=1)


@pytest.fixture
def ordinary(server: str) -> Iterator[str]:
    """The name of a role that has no right but to connect."""
    name = f"ordinary_{os.getpid()}"
    with psycopg.connect(plain(server), autocommit=True) as db:
        db.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        yield name
        db.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


GRANTS = """
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
"""


def as_role(url: str, role: str) -> str:
    _, _, tail = url.rpartition("@")
    return f"postgresql://{role}:x@{tail}"


def test_a_missing_right_is_named(url: str, ordinary: str, make: Make) -> None:
    engine = make(as_role(url, ordinary))
    with pytest.raises(EngineRefused, match="GRANT USAGE ON SCHEMA"):
        engine.push([message()])
    with psycopg.connect(plain(url), autocommit=True) as db:
        db.execute(f"GRANT USAGE ON SCHEMA {schema_of(url)} TO {ordinary}")
    with pytest.raises(EngineRefused, match="GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"):
        engine.push([message()])


class _WithRights(RoomArena):
    """Places of the owner, worked on by a role with the documented rights."""

    def __init__(self, url: str) -> None:
        self.role, _, url = url.partition("://")[2].partition("|")
        super().__init__(url)

    def fresh(self) -> str:
        url = super().fresh()
        with psycopg.connect(plain(url), autocommit=True) as db:
            db.execute(GRANTS.format(schema=schema_of(url), role=self.role).encode())
        return as_role(url, self.role)


@pytest.mark.parametrize("group", ["sweep/", "settle/", "replay/", "locks/", "wait/"])
def test_the_laws_hold_for_a_role_with_the_documented_rights(server: str, ordinary: str, group: str) -> None:
    offer("ordinary", _WithRights)
    report = run(f"ordinary://{ordinary}|{plain(server)}", group, connect=PostgresEngine)
    assert [v for v in report.verdicts if v.verdict == "broken"] == []


# -- what is kept


def test_texts_with_nul_are_kept(url: str, make: Make) -> None:
    engine = make(url)
    odd = message(id="a\0b\1c\1\2", task="t\0", queue="q\0\1", parent="\1\1\0")
    engine.push([odd])
    claim = engine.claim("w\0", ["q\0\1"], 1)[0]
    assert (claim.message, claim.worker) == (odd, "w\0")
    engine.settle([(claim, outcome.skipped("because\0"))])
    job = engine.result(odd.id)
    assert job is not None
    assert (job.id, job.task, job.queue, job.parent, job.worker, job.note) == (
        odd.id, odd.task, odd.queue, odd.parent, "w\0", "because\0",
    )  # fmt: skip
    assert [j.id for j in engine.find(Filter(ids=frozenset({odd.id}))).jobs] == [odd.id]


def test_a_queue_whose_name_has_a_nul_is_claimed_from_again_and_again(
    url: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "cardoon.engines.postgres.heads._LAG_SECONDS", -1.0
    )  # what was claimed counts at once
    engine = make(url)
    for _ in range(3):
        job = message(queue="q\0")
        engine.push([job])
        assert [claim.id for claim in engine.claim("ada", None, 1)] == [job.id]


def test_old_jobs_go_by_the_bucket(url: str, make: Make) -> None:
    engine = make(url, retention=7 * 86_400.0)
    engine.push([message() for _ in range(300)])
    engine.settle([(claim, outcome.succeeded(None)) for claim in engine.claim("ada", None, 300)])
    with psycopg.connect(plain(url), autocommit=True) as db:
        buckets = f"SELECT count(*) FROM pg_inherits WHERE inhparent = '{schema_of(url)}.history'::regclass"
        before = db.execute(buckets.encode()).fetchone()
        later = make(url, retention=7 * 86_400.0)
        source = _Later(8 * 86_400.0)
        with clock.use(source):
            assert later.sweep().forgotten == 300
        assert before == (3,)
        assert engine.count() == {"celery": {State.SUCCEEDED: 300}}
        assert engine.find(Filter()).jobs == []


class _Later:
    """The system's clock, some seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return time.time() + self._seconds

    def monotonic(self) -> float:
        return time.monotonic()

    def random(self) -> float:
        return 0.5


def test_the_profile_says_what_the_server_does(url: str, make: Make) -> None:
    assert make(url).profile().name == "durable"
    assert make(with_option(url, "profile=fast")).profile().name == "fast"


def test_own_statements_wait_for_the_disk_whatever_the_default(url: str, make: Make) -> None:
    with psycopg.connect(plain(url), autocommit=True) as db:
        db.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        try:
            engine = make(url)
            assert engine._connections.fetch(b"SELECT current_setting('synchronous_commit')") == [("on",)]
        finally:
            db.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")


def test_an_engine_error_is_of_the_tree(url: str, make: Make) -> None:
    engine = make(url)
    engine.push([message()])
    with psycopg.connect(plain(url), autocommit=True) as db:
        db.execute(f"DROP FUNCTION {schema_of(url)}.look")
    with pytest.raises(EngineError, match="run `cardoon migrate`"):
        engine.wait(None, 0.0)


# -- a pooler


@pytest.fixture
def pooled(server: str) -> Iterator[str]:
    """The address of a PgBouncer that gives each transaction to whatever session is free."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None or os.geteuid() != 0:
        pytest.skip("no pgbouncer here, or nobody to run it as")
    at, port = psycopg.conninfo.conninfo_to_dict(plain(server)), free_port()
    names = {"host": at["host"], "port": at["port"], "user": at["user"], "password": at.get("password")}
    target = " ".join(f"{name}={value}" for name, value in names.items() if value)
    folder = Path(tempfile.mkdtemp(prefix="cardoon-pooler-"))
    file = folder / "pgbouncer.ini"
    file.write_text(
        f"[databases]\npostgres = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\nunix_socket_dir =\n"
    )
    for path in (folder, file):
        shutil.chown(path, "nobody")
    process = subprocess.Popen(
        [program, "-q", str(file)], user="nobody", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _answers(port), "the pooler answers")
        yield f"postgresql://{at['user']}@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(60.0)
        shutil.rmtree(folder)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def test_a_pooler_is_noticed_and_polled_through(url: str, pooled: str, make: Make) -> None:
    engine = make(f"{pooled}?schema={schema_of(url)}")
    assert any("pooler" in warning for warning in engine.profile().warnings)
    heard: list[bool] = []
    waiter = threading.Thread(target=lambda: heard.append(engine.wait(None, 20.0)))
    waiter.start()
    job = message()
    make(url).push([job])
    waiter.join(60.0)
    assert heard == [True]
    (claim,) = engine.claim("ada", None, 5)
    assert engine.settle([(claim, outcome.succeeded(b"1"))]) == []
    assert list(engine.wait_results([job.id], 5.0)) == [job.id]


@pytest.mark.parametrize("group", ["push/", "settle/", "locks/", "retire/"])
def test_the_laws_hold_behind_a_pooler(server: str, pooled: str, group: str) -> None:
    assert [v for v in run(pooled, group).verdicts if v.verdict == "broken"] == []
