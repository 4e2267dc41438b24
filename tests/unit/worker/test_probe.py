"""What a worker says of its health, and what `cardoon health` makes of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cardoon_health
from cardoon.model import clock
from cardoon.model.errors import ConfigurationError
from cardoon.worker.probe import SILENCE_SECONDS, Probe


class Later:
    """A clock that is ahead."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return time.time() + self._seconds

    def monotonic(self) -> float:
        return time.monotonic() + self._seconds

    def random(self) -> float:
        return 0.5


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "worker.health"


@pytest.fixture
def probe(file: Path) -> Iterator[Probe]:
    made = Probe(str(file), 0)
    yield made
    made.close()


def ask(probe: Probe, path: str = "/healthz", method: str = "GET") -> tuple[int, Any]:
    with socket.create_connection(("127.0.0.1", probe.port), 5) as line:
        line.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = line.makefile("rb").read().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head or method == "HEAD"
    return int(head.split()[1]), json.loads(body) if body else None


def health(*words: str) -> int:
    return cardoon_health.run(words)


def test_the_file_says_how_it_is(probe: Probe, file: Path) -> None:
    before = time.time()
    probe.update(True, children=2)
    said = json.loads(file.read_text())
    assert before <= said.pop("t") <= time.time()
    assert said.pop("boot") is not None
    assert said == {"pid": os.getpid(), "healthy": True, "reason": "", "children": 2}
    assert health("--file", str(file)) == 0
    assert health(f"--file={file}", "--ready") == 0


def test_the_port_says_the_same(probe: Probe) -> None:
    assert ask(probe) == (503, {"healthy": False, "reason": "the supervisor is starting"})
    probe.update(True, children=1)
    status, said = ask(probe)
    assert (status, said["healthy"], said["children"]) == (200, True, 1)
    assert ask(probe, "/readyz?verbose")[0] == 200
    assert ask(probe, method="HEAD") == (200, None)
    assert health("--port", str(probe.port), "--ready") == 0


@pytest.mark.parametrize("ready", [[], ["--ready"]])
def test_what_is_wrong_is_said(
    probe: Probe, file: Path, capsys: pytest.CaptureFixture[str], ready: list[str]
) -> None:
    probe.update(False, "the engine has not answered for 12 s")
    for where in (["--file", str(file)], ["--port", str(probe.port)]):
        assert health(*where, *ready) == 1
        assert capsys.readouterr().err == "unhealthy: the engine has not answered for 12 s\n"


def test_a_worker_without_processes_is_healthy_and_not_ready(
    probe: Probe, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.update(True, children=0)
    for where in (["--file", str(file)], ["--port", str(probe.port)]):
        assert health(*where) == 0
        assert health(*where, "--ready") == 1
        assert capsys.readouterr().err == "unhealthy: no process takes jobs yet\n"


def test_a_supervisor_that_fell_silent_is_not_healthy(
    probe: Probe, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.update(True, children=1)
    with clock.use(Later(SILENCE_SECONDS + 1)):
        assert health("--port", str(probe.port)) == 1
    with clock.use(Later(-60)):
        probe.update(True, children=1)
    assert health("--file", str(file)) == 1
    assert capsys.readouterr().err.count("has said nothing for") == 2
    assert health("--file", str(file), "--max-age", "300") == 0


def test_a_worker_that_ended_in_order_leaves_no_file(
    probe: Probe, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.update(True, children=1)
    port = str(probe.port)
    probe.close()
    assert health("--file", str(file)) == 1
    assert "there is no file" in capsys.readouterr().err
    assert health("--port", port) == 1
    assert "nobody answers on port" in capsys.readouterr().err


def test_a_file_of_something_else_is_no_health(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("", "[]", "{", '{"t": "now"}', "\x1b[2J"):
        file.write_text(text)
        assert health("--file", str(file)) == 1
    assert health("--file", str(file.parent)) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_a_reason_cannot_steer_the_terminal(
    probe: Probe, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.update(False, "\x1b[2J gone")
    assert health("--file", str(file)) == 1
    assert capsys.readouterr().err == "unhealthy: \\x1b[2J gone\n"


def test_a_port_of_something_else_is_no_health(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1_000)
                line.sendall(b"SSH-2.0-nothing\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert health("--port", str(server.getsockname()[1])) == 1
        thread.join()
    assert "is not that of a worker's probe" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--file", "a", "--port", "1"],
        ["--port", "x"],
        ["--file"],
        ["--nope"],
        ["--file=a", "--max-age", "x"],
    ],
)
def test_wrong_words_are_told_apart_from_a_bad_health(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert health(*words) == cardoon_health.MISUSED
    assert capsys.readouterr().err.startswith("Usage: cardoon health ")


def test_other_paths_and_methods_are_refused(probe: Probe) -> None:
    probe.update(True, children=1)
    assert ask(probe, "/")[0] == 404
    assert ask(probe, method="POST")[0] == 405


def test_a_client_that_dawdles_keeps_nobody_waiting(probe: Probe) -> None:
    probe.update(True, children=1)
    with socket.create_connection(("127.0.0.1", probe.port)):
        assert ask(probe)[0] == 200


def test_only_this_host_is_answered(probe: Probe) -> None:
    assert probe._server is not None
    assert probe._server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_told(probe: Probe) -> None:
    with pytest.raises(ConfigurationError, match=rf"cannot listen on 127\.0\.0\.1:{probe.port}"):
        Probe(port=probe.port)


def test_a_file_that_cannot_be_written_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    probe = Probe(str(tmp_path / "missing" / "health"))
    for _ in range(3):
        probe.update(True)
    probe.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_reader_never_meets_half_a_word(probe: Probe, file: Path) -> None:
    probe.update(True)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            probe.update(True, "x" * 9_000)
            probe.update(True)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(json.loads(file.read_bytes())["healthy"] for _ in range(500))
    finally:
        stop.set()
        writer.join()


def test_a_probe_imports_nothing_of_cardoon(probe: Probe, file: Path) -> None:
    probe.update(True, children=1)
    code = (
        "import sys; from cardoon_health import main\n"
        "try: main()\n"
        "finally: sys.stderr.write(' '.join(sorted(sys.modules)))"
    )
    for where in (["--file", str(file)], ["--port", str(probe.port)]):
        command = [sys.executable, "-I", "-c", code, "health", *where]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        loaded = done.stderr.split()
        assert not {"click", "msgspec", "cardoon", "sqlite3", "logging", "asyncio"} & set(loaded)
        assert len(loaded) < 80
