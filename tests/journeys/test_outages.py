"""A worker and its server: one that is not there yet, dies, falls silent, fails over, takes rights away."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from copy import copy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests import servers
from waiting import until

from cardoon import AsyncResult, Cardoon
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model.errors import EngineError
from cardoon.model.states import State
from cardoon.testing import faults

KINDS = sorted(servers.KINDS)
RETURN_SECONDS = 2.0
TASKS = """\
import time
from pathlib import Path

from cardoon import Cardoon

app = Cardoon("sturdy", task_default_queue="q")


@app.task
def fine():
    return "fine"


@app.task
def hold(gate):
    Path(gate).with_suffix(".begun").touch()
    while not Path(gate).exists():
        time.sleep(0.02)
    return "held"
"""


class House:
    """The sender's side, and workers in its folder; both reach the server by `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        (folder / "sturdy.py").write_text(TASKS)
        self.folder, self.url = folder, url
        self.app = Cardoon("sender", url=url, task_default_queue="q", set_as_current=False)

    def worker(self, *words: str) -> faults.Worker:
        environment = {"CARDOON_URL": self.url}
        return faults.Worker("sturdy:app", *words, folder=self.folder, environment=environment)

    def as_user(self, who: str) -> House:
        """The same house, for workers that come as somebody else."""
        place = urlsplit(self.url)
        url = place._replace(netloc=f"{who}@{place.netloc.rpartition('@')[2]}").geturl()
        made = copy(self)
        made.url = url
        return made

    def send(self, name: str, *args: str) -> AsyncResult[str]:
        return self.app.send_task(f"sturdy.{name}", args)

    def held(self) -> AsyncResult[str]:
        """A job that runs until `let_go`."""
        handle = self.send("hold", str(self.folder / "gate"))
        until((self.folder / "gate.begun").exists, what="the held job to begin")
        return handle

    def let_go(self) -> None:
        (self.folder / "gate").touch()


@contextmanager
def house(folder: Path, url: str) -> Generator[House]:
    with closing(connect(url)) as engine:
        engine.migrate()
    made = House(folder, url)
    yield made
    made.app.close()


def works(engine: Engine) -> bool:
    try:
        engine.count()
    except EngineError:
        return False
    return True


def ended_at_once(handle: AsyncResult[str]) -> bool:
    """Whether it succeeded at its first attempt; False while nobody can say."""
    try:
        job = handle.job
    except EngineError:
        return False
    return job is not None and (job.state, job.attempt, job.crashes) == (State.SUCCEEDED, 1, 0)


def keeps_trying(worker: faults.Worker, times: int = 1) -> Callable[[], bool]:
    return lambda: worker.log.count("trying again until it answers") >= times


# -- away


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_is_started_before_its_server_waits_for_it(kind: str, tmp_path: Path) -> None:
    with servers.private(kind) as server, house(tmp_path, server.url) as home:
        handle = home.send("fine")
        server.stop()
        worker = home.worker("-p", "1").start()
        with closing(worker):
            worker.until(keeps_trying(worker), "a word of its trying")
            assert worker.ready() == []
            server.start()
            worker.wait_ready()
            until(lambda: ended_at_once(handle), what="the job that waited")
            assert worker.stop() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_ends_while_the_server_is_away_is_replaced_when_it_is_back(
    kind: str, tmp_path: Path
) -> None:
    with (
        servers.private(kind) as server,
        house(tmp_path, server.url) as home,
        home.worker("-p", "2") as worker,
    ):
        before = worker.wait_ready(2)
        handle = home.held()
        idle = next(pid for pid in before if f"{pid}" not in running_pids(home))
        server.kill()
        worker.kill_child(idle)
        worker.until(lambda: len(worker.children()) == 2 and idle not in worker.children(), "another one")
        worker.until(keeps_trying(worker, 2), "both of them to try again")
        server.start()
        worker.wait_ready(2)
        home.let_go()
        until(lambda: ended_at_once(handle), what="the job that ran all the time")
        assert worker.stop() == 0


def running_pids(home: House) -> set[str]:
    """The processes that have a job."""
    engine = home.app.engine
    return {str(report.pid) for report in engine.workers() if engine.held(report.worker)}


# -- refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_is_refused_for_a_while_keeps_what_it_runs(kind: str, tmp_path: Path) -> None:
    """As while somebody changes a password: it is let in again, and its job ends as the first attempt."""
    with (
        servers.private(kind) as server,
        house(tmp_path, server.url) as home,
    ):
        let_in(server)
        ours = home.as_user("ada:geheim")
        with ours.worker("-p", "1") as worker:
            held = ours.held()
            shut_out(server)
            home.let_go()
            worker.until(keeps_trying(worker), "a word of its trying")
            let_in(server)
            until(lambda: ended_at_once(held), what="the end of what it held")
            assert worker.lives
            assert "geheim" not in worker.log


def let_in(server: faults.Server) -> None:
    if isinstance(server, faults.RedisServer):
        return tell_redis(server, "ACL SETUSER ada on >geheim ~* &* +@all")
    known = ask_postgres(server, "SELECT count(*) FROM pg_roles WHERE rolname = 'ada'")
    ask_postgres(server, f"{'ALTER' if known else 'CREATE'} ROLE ada LOGIN")
    for right in ("USAGE ON SCHEMA", "ALL ON ALL TABLES IN SCHEMA", "ALL ON ALL SEQUENCES IN SCHEMA"):
        ask_postgres(server, f"GRANT {right} cardoon TO ada")
    return None


def shut_out(server: faults.Server) -> None:
    if isinstance(server, faults.RedisServer):
        tell_redis(server, "ACL SETUSER ada off")
        return tell_redis(server, "CLIENT KILL USER ada")
    ask_postgres(server, "ALTER ROLE ada NOLOGIN")
    ask_postgres(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ada'")
    return None


def tell_redis(server: faults.Server, command: str) -> None:
    with socket.create_connection(server.address, 5) as line:
        line.sendall(f"{command}\r\n".encode())
        said = line.recv(4096)
        assert said[:1] != b"-", said


# -- a failover


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_failover_work_goes_on_where_the_address_leads(kind: str, tmp_path: Path) -> None:
    """What the replica had heard is there, and what runs meanwhile ends as the attempt that it was."""
    with (
        servers.private(kind) as first,
        faults.Proxy(first.address) as address,
        house(tmp_path, address.through(first.url)) as home,
        replica(kind, first) as second,
        home.worker("-p", "2") as worker,
    ):
        worker.wait_ready(2)
        held, waits = home.held(), home.app.send_task("sturdy.fine", countdown=2.0)
        until(lambda: has_heard_all(second, first), what="the replica to have heard of all")
        first.kill()
        address.lead_to(second.address)
        worker.until(keeps_trying(worker), "a word of its trying")
        with pytest.raises(EngineError, match="read-only"):
            home.send("fine")
        second.promote()
        until(lambda: works(home.app.engine), RETURN_SECONDS, what="the sender to go on")
        home.let_go()
        for handle in (held, waits, home.send("fine")):
            until(lambda handle=handle: ended_at_once(handle), what=f"the end of {handle.task_name}")
        assert worker.lives


@pytest.mark.parametrize("kind", KINDS)
def test_a_primary_that_is_demoted_is_left_for_the_new_one(kind: str, tmp_path: Path) -> None:
    """It lives on as a server that takes no writes, and connections to it do not break by themselves."""
    with (
        servers.private(kind) as first,
        faults.Proxy(first.address) as address,
        house(tmp_path, address.through(first.url)) as home,
        replica(kind, first) as second,
        home.worker("-p", "1") as worker,
    ):
        held = home.held()
        until(lambda: has_heard_all(second, first), what="the replica to have heard of all")
        address.lead_to(second.address)
        second.promote()
        demote(first, second)
        home.let_go()
        until(lambda: works_by_pushing(home), what="the sender to go on")
        for handle in (held, home.send("fine")):
            until(lambda handle=handle: ended_at_once(handle), what=f"the end of {handle.task_name}")
        assert worker.lives


def replica(kind: str, primary: faults.Server) -> Any:
    return servers.private(kind, replica_of=primary)


def has_heard_all(replica: faults.Server, primary: faults.Server) -> bool:
    """They are asked past the engine, which refuses a replica."""
    if isinstance(primary, faults.RedisServer):
        told = offset(replica, "slave_repl_offset")
        return told is not None and told >= (offset(primary, "master_repl_offset") or 0)
    written = ask_postgres(primary, "SELECT pg_current_wal_lsn()")
    return bool(ask_postgres(replica, f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))


def offset(server: faults.Server, name: str) -> int | None:
    with socket.create_connection(server.address, 5) as line:
        line.sendall(b"INFO replication\r\n")
        found = re.search(rf"{name}:(\d+)", line.recv(65_536).decode())
    return int(found[1]) if found else None


def ask_postgres(server: faults.Server, query: str) -> Any:
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as db:
        found = db.execute(query.encode())
        return found.fetchall()[0][0] if found.description else None


def demote(server: faults.Server, primary: faults.Server) -> None:
    """It takes no more writes, and ends no connection for it."""
    if isinstance(server, faults.RedisServer) and isinstance(primary, faults.RedisServer):
        return server.demote(primary)
    ask_postgres(server, "ALTER SYSTEM SET default_transaction_read_only = on")
    ask_postgres(server, "SELECT pg_reload_conf()")
    # Who connects hears of it after all who are connected already were told.
    setting = "SELECT current_setting('default_transaction_read_only')"
    until(lambda: ask_postgres(server, setting) == "on", what="the reload")
    return None


def works_by_pushing(home: House) -> bool:
    try:
        home.send("fine")
    except EngineError:
        return False
    return True
