"""PostgreSQL as it is met elsewhere: behind TLS, in another language, under SQLAlchemy and Django."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests import servers

from cardoon.engines.contract import CALL_SECONDS
from cardoon.engines.postgres import schema
from cardoon.engines.postgres.engine import PostgresEngine
from cardoon.engines.postgres.errors import not_connected
from cardoon.engines.postgres.place import parse
from cardoon.model import clock
from cardoon.model.errors import EngineError, EngineRefused, EngineUnavailable
from cardoon.model.message import Message
from cardoon.testing import faults

from .certificates import Authority

Start = Callable[..., faults.PostgresServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Private servers, gone with the test."""
    started: list[faults.Server] = []

    def one(**how: Any) -> faults.PostgresServer:
        server = servers.private("postgres", **how)
        started.append(server.start())
        assert isinstance(server, faults.PostgresServer)
        return server

    yield one
    for server in started:
        server.close()


def message() -> Message:
    return Message(id=clock.new_id(), task="shop.resize")


def refused(url: str, kind: type[EngineError] = EngineRefused) -> str:
    """What a caller is told, within the time of a call."""
    begun = time.monotonic()
    with closing(PostgresEngine(url)) as engine, pytest.raises(kind) as told:
        engine.push([message()])
    assert time.monotonic() - begun < CALL_SECONDS
    return str(told.value)


# -- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def only_with_tls(server: faults.PostgresServer, certificate: Path, key: Path) -> str:
    """From now on; the address of the server, by the name of this host."""
    for file in (certificate, key):
        copy = shutil.copy(file, server.folder / f"tls{file.suffix}")
        if server.user:
            shutil.chown(copy, server.user)
        Path(copy).chmod(0o600)
    crt, own = server.folder / "tls.crt", server.folder / "tls.key"
    server.settings |= {"ssl": "on", "ssl_cert_file": str(crt), "ssl_key_file": str(own)}
    (server.folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
    server.restart()
    return f"postgresql://postgres@localhost:{server.port}/postgres"


def test_a_certificate_is_checked_and_so_is_the_name_in_it(start: Start, authority: Authority) -> None:
    address = only_with_tls(start(), *authority.certificate("localhost"))
    ours = f"sslmode=verify-full&sslrootcert={authority.file}"
    with closing(PostgresEngine(f"{address}?{ours}")) as engine:
        engine.migrate()
        assert engine.push([message()]) == [True]
        assert engine.wait(None, 1.0)
    assert "sslrootcert=FILE" in refused(f"{address}?sslmode=verify-full&sslrootcert=system")
    assert "sslrootcert=FILE" in refused(f"{address}?sslmode=verify-full&sslrootcert=/no/such/file")
    assert "does not match host name" in refused(f"{address}?{ours}".replace("localhost", "127.0.0.1"))
    assert "add sslmode=verify-full" in refused(f"{address}?sslmode=disable")


def test_a_certificate_that_has_expired_is_refused(start: Start, authority: Authority) -> None:
    address = only_with_tls(start(), *authority.certificate("localhost", days=-1))
    assert "expired" in refused(f"{address}?sslmode=verify-full&sslrootcert={authority.file}")


def test_a_connection_that_breaks_within_the_handshake_is_no_refusal(
    start: Start, authority: Authority
) -> None:
    """A worker tries again after such a break; after a refusal at its start it would end."""
    address = only_with_tls(start(), *authority.certificate("localhost"))
    server = ("127.0.0.1", int(address.rpartition(":")[2].partition("/")[0]))
    with faults.Proxy(server) as proxy:
        url = f"{address}?sslmode=verify-full&sslrootcert={authority.file}"
        url = url.replace(str(server[1]), str(proxy.address[1]))
        for request in range(1, 6):
            for cut in (proxy.cut_before, proxy.cut_after):
                cut(request)
                assert "certificate was not accepted" not in refused(url, EngineUnavailable)


# -- another version


def test_a_server_that_is_too_old_is_refused_and_left_as_it_is(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is moved: a server that is truly older is not to be had everywhere."""
    url = start().url
    monkeypatch.setattr(schema, "OLDEST_SERVER", 10**6)
    assert "needs 13 or newer" in refused(url)
    with closing(PostgresEngine(url)) as engine, pytest.raises(EngineRefused, match=r"is PostgreSQL \d+"):
        engine.migrate()
    with psycopg.connect(url) as db:
        assert db.execute("SELECT to_regnamespace('cardoon') IS NULL").fetchall() == [(True,)]


def test_one_that_does_not_even_know_our_settings_is_refused_as_too_old() -> None:
    said = 'FATAL:  unrecognized configuration parameter "plan_cache_mode"'  # as 11 says it
    place = parse("postgresql://ada@127.0.0.1/shop", profile="durable", retention=None)
    told = not_connected(psycopg.OperationalError(said), place)
    assert isinstance(told, EngineRefused)
    assert "older than PostgreSQL 12; Cardoon needs 13 or newer" in str(told)


# -- another language


def test_nothing_depends_on_the_language_of_the_server(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    server = start(settings={"lc_messages": "C.UTF-8"})
    with psycopg.connect(server.url, autocommit=True) as db:
        with pytest.raises(psycopg.errors.UndefinedTable) as told:
            db.execute("SELECT FROM nowhere")
        if "nicht" not in str(told.value):
            pytest.skip("the messages of PostgreSQL in German are not installed here")
        db.execute("CREATE ROLE ada LOGIN")
    ada = server.url.replace("postgres@", "ada@")
    assert "run `cardoon migrate`" in refused(server.url)
    assert "nowhere" in refused(f"{server.url.rpartition('/')[0]}/nowhere", EngineUnavailable)
    with closing(PostgresEngine(server.url)) as engine:
        engine.migrate()
        assert engine.push([message()]) == [True]
    assert "GRANT USAGE ON SCHEMA cardoon" in refused(ada)
    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute("GRANT USAGE ON SCHEMA cardoon TO ada")
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cardoon" in refused(ada)


# -- the caller's transaction


def states(engine: PostgresEngine, *jobs: Message) -> list[bool]:
    """Which of them are there."""
    return [engine.result(job.id) is not None for job in jobs]


def test_a_push_goes_with_the_transaction_of_sqlalchemy(start: Start) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    from sqlalchemy.orm import Session

    server, kept, gone, nested = start(), message(), message(), message()
    made = sqlalchemy.create_engine(server.url.replace("postgresql://", "postgresql+psycopg://"))
    with closing(PostgresEngine(server.url)) as engine:
        engine.migrate()
        with made.begin() as connection:
            assert engine.push_on(connection, [kept]) == [True]
            assert states(engine, kept) == [False]
        with Session(made) as session:
            session.execute(sqlalchemy.text("SELECT 1"))
            assert engine.push_on(session.connection(), [gone]) == [True]
            session.rollback()
            with session.begin(), session.begin_nested() as savepoint:
                assert engine.push_on(session.connection(), [nested]) == [True]
                savepoint.rollback()
        assert states(engine, kept, gone, nested) == [True, False, False]
    made.dispose()


_DJANGO = """\
import sys
from cardoon.engines.postgres.engine import PostgresEngine
from cardoon.model import clock
from cardoon.model.message import Message
import django
from django.conf import settings
from django.db import connection, transaction

port = sys.argv[1]
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres",
    "USER": "postgres", "HOST": "127.0.0.1", "PORT": port}})
django.setup()
engine = PostgresEngine(f"postgresql://postgres@127.0.0.1:{port}/postgres")
engine.migrate()
kept, gone, nested = (Message(id=clock.new_id(), task="t") for _ in range(3))
with transaction.atomic():
    engine.push_on(connection, [kept])
    assert engine.result(kept.id) is None
    try:
        with transaction.atomic():
            engine.push_on(connection, [nested])
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
try:
    with transaction.atomic():
        engine.push_on(connection, [gone])
        raise ZeroDivisionError
except ZeroDivisionError:
    pass
print([engine.result(job.id) is not None for job in (kept, gone, nested)])
engine.close()
"""


def test_a_push_goes_with_the_transaction_of_django(start: Start, tmp_path: Path) -> None:
    """In a process of its own: Django is set up once."""
    pytest.importorskip("django")
    (tmp_path / "shop.py").write_text(_DJANGO)
    words = [sys.executable, "shop.py", str(start().port)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "[True, False, False]", done.stderr
