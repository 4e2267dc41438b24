"""Redis as it should not be: full, forgetful, a replica, without rights, elsewhere; and what it costs."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from tests import servers
from tests.journeys.waiting import until

from cardoon.engines.redis.engine import RedisEngine
from cardoon.engines.redis.wire import packed
from cardoon.engines.urls import connect
from cardoon.model import clock, outcome
from cardoon.model.errors import EngineFull, EngineRefused
from cardoon.model.message import DEFAULT_QUEUE, Message
from cardoon.model.states import State
from cardoon.testing import faults
from cardoon.testing.conformance import run
from cardoon.testing.faults.servers.ports import free_port

RIGHTS = (
    "+@read", "+@write", "+@pubsub", "+@connection", "-@dangerous", "+eval", "+evalsha", "+time", "+info",
    "+config|get",
)  # fmt: skip
"""The rights that docs/engines.md names."""

EVERYTHING = ("~*", "&*", "+@all")
BYTES_PER_WAITING_JOB = 300
MEGABYTE = 1_000_000


@pytest.fixture
def redis_at(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Starts private servers with settings."""
    started: list[faults.Server] = []

    def start(**how: Any) -> faults.RedisServer:
        started.append(servers.private("redis", **how).start())
        return cast("faults.RedisServer", started[-1])

    yield start
    for server in started:
        server.close()


@contextmanager
def engine_at(url: str, options: str = "") -> Iterator[RedisEngine]:
    with closing(cast("RedisEngine", connect(url + options))) as engine:
        yield engine


def tell(server: faults.RedisServer, *words: str) -> Any:
    """A command to a server, as its operator gives it."""
    with engine_at(server.url, "?allow_volatile=true") as engine:
        return engine._server.command(*words)


def states(engine: RedisEngine) -> dict[State, int]:
    """How many jobs of the usual queue are in each state that some are in."""
    return {state: many for state, many in engine.count()[DEFAULT_QUEUE].items() if many}


def message(**changes: Any) -> Message:
    return Message(id=clock.new_id(), task="shop.resize", **changes)


# -- what is refused


def test_a_wrong_password_is_refused_and_never_printed(
    redis_at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = redis_at(password="hunter-two")
    with engine_at(server.url) as engine:
        assert engine.push([message()]) == [True]
    with engine_at(server.url.replace("hunter-two", "hunter-three")) as engine:
        with pytest.raises(EngineRefused, match="neither this user nor this password") as caught:
            engine.open()
        assert "hunter" not in f"{caught.value} {engine!r} {caplog.text}"


def test_a_server_that_keeps_nothing_is_refused_unless_it_is_allowed(redis_at: Any) -> None:
    server = redis_at(settings={"appendonly": "no"})
    with engine_at(server.url) as engine, pytest.raises(EngineRefused, match="appendonly"):
        engine.push([message()])
    with engine_at(server.url, "?allow_volatile=true") as engine:
        assert (engine.push([message()]), engine.profile().name) == ([True], "volatile")


def test_a_server_that_drops_keys_is_refused(redis_at: Any) -> None:
    server = redis_at(settings={"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"})
    with engine_at(server.url) as engine, pytest.raises(EngineRefused, match="maxmemory-policy"):
        engine.open()


def test_a_lesser_profile_is_said_once_in_one_line(redis_at: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = redis_at(settings={"appendfsync": "everysec"})
    with caplog.at_level(logging.INFO, "cardoon"), engine_at(server.url) as engine:
        engine.open()
        assert engine.profile().name == "fast"
    assert [(record.levelname, "profile fast" in record.message) for record in caplog.records] == [
        ("WARNING", True)
    ]


def test_a_replica_is_refused(redis_at: Any) -> None:
    master, replica = redis_at(), redis_at()
    tell(replica, "REPLICAOF", *map(str, master.address))
    with engine_at(replica.url) as engine, pytest.raises(EngineRefused, match="read-only replica"):
        engine.open()


def test_a_layout_that_is_newer_is_refused_with_both_numbers(redis_at: Any) -> None:
    server = redis_at()
    tell(server, "SET", "{cardoon}:layout", "7")
    with (
        engine_at(server.url) as engine,
        pytest.raises(EngineRefused, match=r"layout 7, this Cardoon knows \d"),
    ):
        engine.open()


def test_a_right_that_is_missing_is_named(redis_at: Any) -> None:
    server = redis_at()
    tell(server, "ACL", "SETUSER", "ada", "on", ">s3cret", *EVERYTHING, "-zadd")
    url = server.url.replace("redis://", "redis://ada:s3cret@")
    with engine_at(url) as engine, pytest.raises(EngineRefused, match="ZADD") as caught:
        engine.open()
    assert "s3cret" not in str(caught.value)


def test_the_rights_that_the_page_names_are_enough(redis_at: Any) -> None:
    server = redis_at()
    tell(server, "ACL", "SETUSER", "ada", "on", ">s3cret", "resetchannels", "~{law_*", "&{law_*", *RIGHTS)
    report = run(server.url.replace("redis://", "redis://ada:s3cret@"), "G8")
    assert report.ok, [verdict for verdict in report.verdicts if verdict.verdict == "broken"]


# -- what passes


def test_without_memory_nothing_is_written_and_what_is_there_goes_on(redis_at: Any) -> None:
    server = redis_at()
    with engine_at(server.url) as engine:
        first = message()
        engine.push([first])
        tell(server, "CONFIG", "SET", "maxmemory", "1mb")
        late = message(args=["x" * 1_000])
        with pytest.raises(EngineFull, match="nothing was written"):
            engine.push([late, message()])
        assert (engine.result(late.id), engine.count()) == (None, {"celery": {State.READY: 1}})
        tell(server, "CONFIG", "SET", "maxmemory", "0")
        assert engine.push([late]) == [True]
        assert [claim.id for claim in engine.claim("ada", None, 5)] == [first.id, late.id]


def test_scripts_that_were_flushed_are_sent_again(redis_at: Any) -> None:
    server = redis_at()
    with engine_at(server.url) as engine:
        engine.push([message()])
        tell(server, "SCRIPT", "FLUSH")
        assert engine.push([message()]) == [True]
        assert len(engine.claim("ada", None, 5)) == 2


def test_a_message_of_a_newer_cardoon_is_parked_until_somebody_knows_it(redis_url: str) -> None:
    with engine_at(redis_url, "?namespace=newer") as engine:
        body = b'{"v":2,"id":"n","task":"shop.new","more":true}'
        engine._server.send("push", packed(["\udcff", "5 - - celery", body]), 3)
        assert engine.claim("ada", None, 5) == []
        assert engine.count()["celery"] == {State.PARKED: 1}
        assert engine.unpark(["shop.other"]) == 0
        assert engine.unpark(["shop.new"]) == 1


def test_a_child_has_connections_of_its_own(redis_url: str) -> None:
    with engine_at(redis_url, "?namespace=forks") as engine:
        first, second = message(), message()
        engine.push([first])
        assert in_a_child(lambda: engine.push([second]) == [True])
        assert [claim.id for claim in engine.claim("ada", None, 5)] == [first.id, second.id]


def in_a_child(fact: Callable[[], bool]) -> bool:
    """Whether this is so in a process forked now."""
    pid = os.fork()
    if not pid:
        try:
            os._exit(0 if fact() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_namespace_is_followed_to_its_node_of_a_cluster(redis_at: Any) -> None:
    here, there = (redis_at(settings={"cluster-enabled": "yes"}) for _ in range(2))
    for server in (here, there):
        tell_node(server, "CONFIG", "SET", "cluster-require-full-coverage", "no")
    tell_node(there, "CLUSTER", "ADDSLOTS", *map(str, range(16_384)))
    tell_node(here, "CLUSTER", "MEET", *map(str, there.address))
    for server in (here, there):
        until(partial(is_whole, server))
    with engine_at(here.url) as engine:
        assert engine.push([message()]) == [True]
        assert engine.wait(None, 0.0)
        assert len(engine.claim("ada", None, 5)) == 1
    with engine_at(there.url) as engine:
        assert engine.count()["celery"] == {State.RUNNING: 1}


def is_whole(server: faults.RedisServer) -> bool:
    info = tell_node(server, "CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_slots_ok:16384" in info


def tell_node(server: faults.RedisServer, *words: str) -> Any:
    """A command to a node of a cluster that serves nobody yet."""
    with engine_at(server.url, "?allow_volatile=true") as engine:
        engine._server._check = lambda _ask: None
        return engine._server.command(*words)


# -- certificates


@pytest.fixture
def certified(redis_at: Any, tmp_path: Path) -> tuple[str, Path]:
    """The address of a server with a certificate for `localhost`, and the authority that gave it."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl here")
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    subprocess.run(["openssl", "req", "-x509", *made, *names, *files], check=True, capture_output=True)
    paths = {"tls-cert-file": "cert", "tls-key-file": "key", "tls-ca-cert-file": "cert"}
    server = redis_at()
    for name, file in paths.items():
        tell(server, "CONFIG", "SET", name, str(tmp_path / file))
    tell(server, "CONFIG", "SET", "tls-auth-clients", "no")
    port = free_port()
    tell(server, "CONFIG", "SET", "tls-port", str(port))
    return f"localhost:{port}", tmp_path / "cert"


def test_a_certificate_is_checked_and_so_is_the_name_in_it(certified: tuple[str, Path]) -> None:
    address, authority = certified
    with engine_at(f"rediss://{address}") as engine, pytest.raises(EngineRefused, match="ssl_ca_certs"):
        engine.open()
    elsewhere = address.replace("localhost", "127.0.0.1")
    known = f"rediss://{elsewhere}?ssl_ca_certs={authority}"
    with engine_at(known) as engine, pytest.raises(EngineRefused, match="certificate"):
        engine.open()
    with engine_at(f"rediss://{address}?ssl_ca_certs={authority}") as engine:
        assert engine.push([message()]) == [True]
        assert engine.wait(None, 1.0)


# -- what it costs


def test_who_gets_nothing_listens_at_once_and_no_more_after_its_wait(redis_at: Any) -> None:
    with engine_at(redis_at().url) as engine:
        assert not engine.wait(None, 0.0)  # now it has an ear
        assert not engine.exchange((), "ada", None, 1, will_wait=True).claims
        assert len(listening(engine)) == 1
        called = commands(engine)
        assert not engine.wait(None, 0.0)
        assert commands(engine) - called == {"evalsha": 1, "hdel": 1}
        assert not listening(engine)
        engine.push([message()])
        assert engine.exchange((), "ada", None, 1, will_wait=True).claims
        assert not listening(engine)


def test_a_job_for_who_stands_by_comes_with_the_call_that_sent_it(redis_at: Any) -> None:
    with engine_at(redis_at().url) as engine:
        assert not engine.wait(None, 0.0)
        assert not engine.exchange((), "ada", None, 1, will_wait=True).claims
        called = commands(engine)
        engine.push([message()])
        assert commands(engine)["evalsha"] - called["evalsha"] == 1
        assert engine.wait(None, 20.0)
        (claim,) = engine.exchange((), "ada", None, 1, will_wait=True).claims
        assert commands(engine)["evalsha"] - called["evalsha"] == 1
        assert engine.held("ada") == [claim]
        assert not listening(engine)


def test_nothing_is_handed_over_out_of_its_turn(redis_at: Any) -> None:
    with engine_at(redis_at().url) as ada, engine_at(ada._place.url) as bea:
        for engine, name in ((ada, "ada"), (bea, "bea")):
            assert not engine.wait(None, 0.0)
            assert not engine.exchange((), name, None, 1, will_wait=True).claims
        first, second = message(expires=clock.now() + 60), message()
        ada.push(
            [first]
        )  # one of the two is told, as this is of no kind that is handed over, and has not looked
        ada.push([second])
        assert states(ada) == {State.READY: 2}
        assert ada.exchange((), "ada", None, 1).claims[0].id == first.id


def test_who_waits_for_a_result_is_told_of_it_with_one_call(redis_at: Any) -> None:
    with engine_at(redis_at().url) as engine:
        first, second = message(), message()
        engine.push([first, second])
        for claim in engine.claim("ada", None, 2):
            waiter = threading.Thread(target=partial(engine.wait_results, [claim.id], 20.0))
            called = commands(engine)
            waiter.start()
            until(lambda: awaited(engine) == 1)
            assert commands(engine)["get"] - called["get"] == 1
            engine.settle([(claim, outcome.succeeded(b"1"))])
            waiter.join(20.0)
            assert not waiter.is_alive()
            assert commands(engine)["get"] - called["get"] == 1
            assert awaited(engine) == 0
        assert engine.wait_results([message().id], 0.01) == {}
        assert awaited(engine) == 0  # who gave up is told nothing


def listening(engine: Any) -> list[bytes]:
    found: list[bytes] = engine._server.command("HKEYS", engine._server.base + b":ears")
    return found


def awaited(engine: Any) -> int:
    return int(engine._server.command("HLEN", engine._server.base + b":awaited"))


def commands(engine: Any) -> Counter[str]:
    """How often the server was told what, within scripts too; not what asking for that takes."""
    info = engine._server.command("INFO", "commandstats").decode()
    stats = re.findall(r"cmdstat_(\w+):calls=(\d+)", info)
    return Counter({name: int(calls) for name, calls in stats if name not in ("info", "time", "hlen")})


def test_a_waiting_job_takes_little_memory(redis_at: Any) -> None:
    server = redis_at(durable=False)
    many = 20_000
    with engine_at(server.url) as engine:
        before = used_memory(engine)
        for _ in range(many // 1_000):
            engine.push([message(sent=clock.now()) for _ in range(1_000)])
        assert (used_memory(engine) - before) / many < BYTES_PER_WAITING_JOB


def used_memory(engine: RedisEngine) -> int:
    info = engine._server.command("INFO", "memory").decode()
    return int(info.partition("used_memory:")[2].partition("\r")[0])


def test_long_lines_are_purged_whole(redis_url: str) -> None:
    with engine_at(redis_url, "?namespace=purged") as engine:
        for _ in range(3):
            engine.push([message() for _ in range(1_000)])
        engine.push([message(queue="other")])
        assert engine.purge(["celery"]) == 3_000
        assert engine.count() == {"celery": {State.CANCELLED: 3_000}, "other": {State.READY: 1}}


def test_of_many_that_expire_at_once_none_starts(redis_url: str) -> None:
    with engine_at(redis_url, "?namespace=expiring") as engine:
        soon = clock.now() + 0.5
        for _ in range(3):
            engine.push([message(expires=soon) for _ in range(1_000)])
        last = message()
        engine.push([last])
        until(lambda: clock.now() > soon)
        claims = [claim.id for _ in range(3) for claim in engine.claim("ada", None, 2_000)]
        assert claims == [last.id]
        until(lambda: engine.sweep() and engine.count()["celery"] == {State.EXPIRED: 3_000, State.RUNNING: 1})


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_several_lines_are_one_and_no_claim_takes_too_many(redis_url: str, limit: int) -> None:
    with engine_at(redis_url, f"?namespace=lines{limit}") as engine:
        messages = [message(priority=n % 3, queue="ab"[n % 10 == 1]) for n in range(40)]
        engine.push(messages)
        came_back = engine.claim("ada", None, 10)
        engine.settle([(claim, outcome.returned()) for claim in came_back])
        claims = [engine.claim("ada", None, limit) for _ in range(40)]
        assert max(map(len, claims)) == limit
        wanted = sorted(messages, key=lambda message: message.priority)
        assert [claim.id for many in claims for claim in many] == [message.id for message in wanted]


def test_to_sleep_and_to_wake_writes_nothing_to_the_disk(redis_at: Any) -> None:
    server = redis_at()
    with engine_at(server.url) as engine:
        before = aof_size(engine)
        assert not engine.wait(None, 0.0)
        assert not engine.wait(["mail"], 0.1)
        assert aof_size(engine) == before


def aof_size(engine: RedisEngine) -> int:
    info = engine._server.command("INFO", "persistence").decode()
    return int(info.partition("aof_current_size:")[2].partition("\r")[0])


def test_many_that_fall_due_at_once_come_in_order(redis_url: str) -> None:
    with engine_at(redis_url, "?namespace=due") as engine:
        soon = clock.now() + 0.5
        waiting = [message(due=soon) for _ in range(3_000)]
        engine.push(waiting)
        assert engine.wait(None, 10.0)
        claims = [claim.id for _ in range(4) for claim in engine.claim("ada", None, 1_000)]
        assert claims == [message.id for message in waiting]


def test_an_index_without_jobs_goes(redis_at: Any) -> None:
    server = redis_at(durable=False)
    with engine_at(server.url, "?retention=0") as engine:
        engine.push([message() for _ in range(1_000)])
        claims = engine.claim("ada", None, 1_000)
        engine.settle([(claim, outcome.succeeded(b"1")) for claim in claims])
        until(lambda: engine.sweep() and engine._server.command("KEYS", "{cardoon}:i:*") == [])
        assert engine._server.command("KEYS", "{cardoon}:j:*") == []
