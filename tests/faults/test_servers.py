"""Private servers, each with the faults that can be done to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import servers

from cardoon.testing import faults
from cardoon.testing.faults.servers import ports

KINDS = sorted(servers.KINDS)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[faults.Server]:
    with servers.private(request.param) as server:
        yield server


def remember(server: faults.Server, key: str) -> None:
    """Write something that the server acknowledges."""
    if isinstance(server, faults.RedisServer):
        assert ask_redis(server, f"SET {key} kept") == "+OK"
    else:
        ask_postgres(server, f"CREATE TABLE {key} AS SELECT 1")


def remembers(server: faults.Server, key: str) -> bool:
    if isinstance(server, faults.RedisServer):
        return ask_redis(server, f"EXISTS {key}") == ":1"
    return ask_postgres(server, f"SELECT to_regclass('{key}') IS NOT NULL") == "True"


def ask_redis(server: faults.Server, command: str) -> str:
    with socket.create_connection(server.address, 5) as line:
        line.sendall(f"{command}\r\n".encode())
        return line.recv(4096).decode().strip()


def ask_postgres(server: faults.Server, query: str) -> str:
    import psycopg

    with psycopg.connect(server.url, autocommit=True, connect_timeout=5) as db:
        found = db.execute(query)  # type: ignore[call-overload]
        return str(found.fetchone()[0]) if found.description else ""


def test_what_was_acknowledged_outlives_a_kill(server: faults.Server) -> None:
    before = server.address, server.url
    remember(server, "acknowledged")
    server.kill()
    assert not server.lives
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address, 5)
    server.start()
    assert (server.address, server.url) == before
    assert remembers(server, "acknowledged")


def test_a_restart_is_in_order_and_keeps_all(server: faults.Server) -> None:
    remember(server, "acknowledged")
    before = server.pid
    server.restart()
    assert server.pid != before
    assert remembers(server, "acknowledged")


def test_a_frozen_server_says_nothing_until_it_is_thawed(server: faults.Server) -> None:
    with server.frozen(), socket.create_connection(server.address, 5) as line:
        line.settimeout(0.2)
        line.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            line.recv(1)
    remember(server, "after_the_frost")
    server.freeze()
    server.thaw()
    assert remembers(server, "after_the_frost")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_server_outlives_its_block(kind: str) -> None:
    with servers.private(kind) as server:
        family = faults.family_of(server.pid)
        assert server.folder.is_dir()
    assert not any(map(faults.lives, family))
    assert not server.folder.exists()
    assert not server.lives
    with pytest.raises(faults.ServerTrouble, match="does not run"):
        _ = server.pid


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_server_ends_too(kind: str) -> None:
    with servers.private(kind) as server:
        server.freeze()
    assert not server.folder.exists()


ORPHANS = """\
import sys, time
from cardoon.testing import faults
with getattr(faults, sys.argv[1])() as server:
    print(server.pid, server.folder, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_server_outlives_a_process_that_was_killed(kind: str, until) -> None:
    name = type(servers.private(kind)).__name__
    killed = subprocess.Popen([sys.executable, "-c", ORPHANS, name], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    pid, _, folder = killed.stdout.readline().strip().partition(" ")
    assert faults.lives(int(pid))
    killed.kill()
    killed.communicate()
    until(lambda: not faults.lives(int(pid)))
    until(lambda: not Path(folder).exists())


@pytest.mark.parametrize("kind", KINDS)
def test_a_keeper_takes_its_server_along(kind: str, until) -> None:
    with servers.private(kind) as server:
        pid = server.pid
        (keeper,) = [child for child in faults.children_of(os.getpid()) if pid in faults.children_of(child)]
        os.kill(keeper, signal.SIGKILL)
        until(lambda: not faults.lives(pid))
    assert not server.folder.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_does_not_start_says_why_and_leaves_nothing(kind: str) -> None:
    server = servers.private(kind, settings={"no_such_setting": "1"})
    with pytest.raises(faults.ServerTrouble, match="no_such_setting"):
        server.start()
    assert not server.folder.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_settings_and_a_password_are_the_servers(kind: str) -> None:
    if kind == "redis":
        with servers.private(kind, password="s e@c/ret", settings={"maxmemory": "10mb"}) as server:
            assert "s%20e%40c%2Fret@" in server.url
            assert ask_redis(server, "PING").startswith("-NOAUTH")
            assert ask_redis(server, 'AUTH "s e@c/ret"') == "+OK"
    else:
        import psycopg

        with servers.private(kind, password="s e@c/ret", settings={"fsync": "off"}) as server:
            assert ask_postgres(server, "SHOW fsync") == "off"
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(server.url.replace("ret@", "@"), connect_timeout=5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_replica_follows_and_takes_over_with_what_it_heard(kind: str, until) -> None:
    with servers.private(kind) as first, servers.private(kind, replica_of=first) as second:
        remember(first, "before")
        until(lambda: remembers(second, "before"), 30)
        assert not takes_writes(second)
        first.kill()
        second.promote()
        remember(second, "after")
        second.restart()
        assert remembers(second, "before")
        assert remembers(second, "after")


@pytest.mark.parametrize("kind", KINDS)
def test_programs_of_another_version_are_taken_from_a_folder(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(faults.CannotInject, match=f"in {tmp_path};"):
        servers.private(kind, programs=str(tmp_path))
    folder, program = tmp_path, servers.private(kind).command()[0]
    if kind == "redis":
        (folder / "valkey-server").symlink_to(program)
    else:
        folder = Path(program).resolve().parent  # whoever runs it sees nothing of ours
    monkeypatch.chdir(folder.parent)
    with servers.private(kind, programs=folder.name) as server:
        assert Path(server.command()[0]).parent == folder
        assert told_version(server).startswith(server.version.partition(" ")[2])
        assert re.fullmatch(r"(PostgreSQL|Redis|Valkey) \d+\.\S+", server.version)


def told_version(server: faults.Server) -> str:
    """The number of its version, as it tells its clients."""
    if isinstance(server, faults.RedisServer):
        return re.findall(r"(?:valkey|redis)_version:(\S+)", ask_redis(server, "INFO server"))[-1]
    return ask_postgres(server, "SHOW server_version")


def takes_writes(server: faults.Server) -> bool:
    if isinstance(server, faults.RedisServer):
        return not ask_redis(server, "SET no no").startswith("-READONLY")
    return ask_postgres(server, "SELECT pg_is_in_recovery()") == "False"


def test_no_client_is_given_the_port_of_a_server_that_is_down() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1024 < ports.free_port() < lowest for _ in range(20))


@pytest.mark.parametrize("kind", KINDS)
def test_programs_that_are_missing_are_told_in_one_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("cardoon.testing.faults.servers.programs._POSTGRES_FOLDERS", ())
    monkeypatch.setattr(servers, "missing", servers.missing.__wrapped__)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"CARDOON_TEST_{kind.upper()}_URL") as skipped:
        servers.private(kind)
    assert "\n" not in str(skipped.value)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="nothing is skipped"):
        servers.private(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_we_were_given_is_used_as_it_is(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"CARDOON_TEST_{kind.upper()}_URL", "carrier-pigeon://loft")
    with servers.url_of(kind) as url:
        assert url == "carrier-pigeon://loft"
