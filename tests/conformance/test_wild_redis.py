"""Redis as it is met elsewhere: behind TLS, with wrong certificates, busy, or not Redis at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests import servers

from cardoon.engines.contract import CALL_SECONDS
from cardoon.engines.urls import connect
from cardoon.model.errors import ConfigurationError, EngineError, EngineRefused, EngineUnavailable
from cardoon.testing import faults
from cardoon.testing.conformance import versions
from cardoon.testing.conformance.__main__ import main
from cardoon.testing.faults.servers.ports import free_port

from .certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def with_tls(authority: Authority) -> Iterator[Callable[..., str]]:
    """Servers that speak TLS, on a port beside their own: where."""
    started: list[faults.Server] = []

    def start(certificate: tuple[Path, Path], **more: str) -> str:
        port = free_port()
        files = {"cert": certificate[0], "key": certificate[1], "ca-cert": authority.file}
        settings = {f"tls-{name}-file": str(file) for name, file in files.items()}
        settings |= {"tls-port": str(port), "tls-auth-clients": "no", **more}
        started.append(servers.private("redis", settings=settings).start())
        return f"localhost:{port}"

    yield start
    for server in started:
        server.close()


def refused(url: str, kind: type[EngineError] = EngineRefused) -> str:
    """What a caller is told, within the time of a call."""
    begun = time.monotonic()
    with closing(connect(url)) as engine, pytest.raises(kind) as told:
        engine.count()
    assert time.monotonic() - begun < CALL_SECONDS
    return str(told.value)


def test_certificates_are_checked_on_both_sides(with_tls: Any, authority: Authority) -> None:
    own = authority.certificate("localhost")
    address = with_tls(own)
    ours = f"ssl_ca_certs={authority.file}"
    with closing(connect(f"rediss://{address}?{ours}")) as engine:
        assert engine.count() == {}
    assert "ssl_ca_certs=FILE" in refused(f"rediss://{address}")
    assert "is not there" in refused(f"rediss://{address}?ssl_ca_certs=/no/such/file")
    assert "certificate" in refused(f"rediss://{address}?{ours}".replace("localhost", "127.0.0.1"))
    assert "rediss://" in refused(f"redis://{address}", EngineUnavailable)
    assert "has expired" in refused(
        f"rediss://{with_tls(authority.certificate('localhost', days=-1))}?{ours}"
    )
    mutual = f"rediss://{with_tls(own, **{'tls-auth-clients': 'yes'})}?{ours}"
    # It is told after the handshake, or meets the end of the connection first.
    assert "ssl_certfile=FILE" in refused(mutual, EngineError)
    with closing(connect(f"{mutual}&ssl_certfile={own[0]}&ssl_keyfile={own[1]}")) as engine:
        assert engine.count() == {}


def test_a_database_that_is_not_there_is_refused(redis_url: str) -> None:
    assert "out of range" in refused(f"{redis_url.rpartition('/')[0]}/99")
    with pytest.raises(ConfigurationError, match="a number"):
        connect(f"{redis_url.rpartition('/')[0]}/jobs")


def test_a_server_that_is_too_old_is_refused_by_its_version_and_stands_so_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is moved: a server that is truly older is not to be had everywhere."""
    version = servers.private("redis").version
    monkeypatch.setattr("cardoon.engines.redis.standing.OLDEST", (1_000, 0))
    table = tmp_path / "versions.json"
    told = CliRunner().invoke(main, ["redis", "--add", str(table)])
    assert told.exit_code == 2
    assert f"is {version}; 6.2 or newer is needed" in told.output
    assert "broken" not in told.output
    (entry,) = versions.read(table)
    assert (entry.server, entry.laws) == (version, 0)
    assert version in entry.refused


ANSWERS = {
    b"-LOADING Redis is loading the dataset in memory": (EngineUnavailable, "cannot serve now"),
    b"-DENIED Redis is running in protected mode": (EngineRefused, "protected mode"),
    b"HTTP/1.1 400 Bad Request": (EngineRefused, "Protocol error"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_whatever_answers_the_caller_is_told_so_in_time(answer: bytes) -> None:
    kind, words = ANSWERS[answer]
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_answer, args=(listener, answer + b"\r\n"), daemon=True).start()
        assert words in refused(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", kind)


def _answer(listener: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            line, _ = listener.accept()
            with line:
                while line.recv(65_536):
                    line.sendall(answer)
