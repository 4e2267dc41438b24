"""How a worker is, for those who watch over it: in a file, and over HTTP on this host."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import socketserver
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import msgspec

from cardoon.engines import silence
from cardoon.model import clock
from cardoon.model.errors import ConfigurationError

log = logging.getLogger("cardoon.supervisor")

SILENCE_SECONDS = 10.0
"""A supervisor that has said nothing for so long is not healthy, whatever it said last."""

LOOPBACK = "127.0.0.1"
_REQUEST_SECONDS = 2.0
_LINE_BYTES = 1_024


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the file. `t` is seconds since the epoch, `children` how many processes take jobs."""

    pid: int
    t: float
    boot: str
    healthy: bool
    reason: str = ""
    children: int = 0


class Probe:
    """Tells what it was told last, in the file at `path` and to who asks the `port` (0 takes a free one).

    Each word is written at once and whole: a reader never meets half of it. `close` takes the file away,
    so that a worker that ended in order is not taken for one that fell silent. Raises ConfigurationError
    when the port cannot be had.
    """

    def __init__(self, path: str | None = None, port: int | None = None, host: str = LOOPBACK) -> None:
        self._path = Path(path) if path else None
        self._owner = os.getpid()
        self._health: Health | None = None
        self._moment = clock.monotonic()
        self._complained = False
        self._server = None if port is None else _Server(self, host, port)

    @property
    def port(self) -> int | None:
        """Where it answers; None if it does not."""
        return None if self._server is None else int(self._server.server_address[1])

    def update(self, healthy: bool, reason: str = "", children: int = 0) -> None:
        """Say how it is; to be called every second or so. Never raises: what cannot be written is logged."""
        self._health = Health(
            pid=os.getpid(),
            t=clock.now(),
            boot=silence.boot_id(),
            healthy=healthy,
            reason=reason,
            children=children,
        )
        self._moment = clock.monotonic()
        if self._path is not None:
            self._write(self._path, msgspec.json.encode(self._health))

    def _write(self, path: Path, data: bytes) -> None:
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            fresh.write_bytes(data)
            fresh.replace(path)
        except OSError as error:
            if not self._complained:
                log.warning("the health cannot be written to %s: %s; probes will fail", path, error)
            self._complained = True
        else:
            self._complained = False

    def verdict(self, *, ready: bool) -> Health | str:
        """The health if all is well, else why it is not; `ready` asks for a process that takes jobs too."""
        health, silent = self._health, clock.monotonic() - self._moment
        if silent > SILENCE_SECONDS:
            return f"the supervisor has said nothing for {silent:.0f} s"
        if health is None:
            return "the supervisor is starting"
        if not health.healthy:
            return health.reason or "it does not say why"
        return "no process takes jobs yet" if ready and not health.children else health

    def close(self) -> None:
        """Answer no more, and take the file away."""
        if self._server is not None:
            self._server.end()
            self._server = None
        if self._path is not None and os.getpid() == self._owner:  # not what was forked
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


class _Server(socketserver.ThreadingTCPServer):
    """Answers on a thread for each request, so that a client that dawdles keeps nobody waiting."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, probe: Probe, host: str, port: int) -> None:
        self.probe = probe
        try:
            super().__init__((host, port), _Request)
        except OSError as error:
            raise ConfigurationError(
                f"the probe cannot listen on {host}:{port}: {error.strerror}; name another --probe-port"
            ) from None
        self._host = host
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="cardoon-probe", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ending:
            self.handle_request()

    def end(self) -> None:
        """Take no more requests; one more of our own wakes the thread that waits for the next."""
        self._ending = True
        with contextlib.suppress(OSError):
            socket.create_connection((self._host, int(self.server_address[1])), _REQUEST_SECONDS).close()
        self._thread.join(_REQUEST_SECONDS)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or sent nothing in time, is no news."""


class _Request(socketserver.StreamRequestHandler):
    """One line is read and one answer given: HTTP as probes speak it."""

    timeout = _REQUEST_SECONDS

    def handle(self) -> None:
        """Answer GET and HEAD of /healthz and /readyz."""
        words = self.rfile.readline(_LINE_BYTES).decode("latin-1").split()
        method, path = [*words, "", ""][:2]
        if method not in ("GET", "HEAD"):
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, {"reason": "only GET and HEAD"})
        elif path.partition("?")[0] not in ("/healthz", "/readyz"):
            self._answer(HTTPStatus.NOT_FOUND, {"reason": "there are /healthz and /readyz"})
        else:
            verdict = cast("_Server", self.server).probe.verdict(ready=path.startswith("/readyz"))
            if isinstance(verdict, Health):
                self._answer(HTTPStatus.OK, verdict, with_body=method == "GET")
            else:
                failing = {"healthy": False, "reason": verdict}
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, failing, with_body=method == "GET")

    def _answer(self, status: HTTPStatus, data: Any, *, with_body: bool = True) -> None:
        body = msgspec.json.encode(data)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        self.wfile.write(head.encode("ascii") + (body if with_body else b""))
