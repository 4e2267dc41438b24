"""A private PostgreSQL."""

from __future__ import annotations

import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from cardoon.testing.faults.processes import CannotInject
from cardoon.testing.faults.servers.ports import HOST
from cardoon.testing.faults.servers.programs import as_user, ordinary_user, postgres_programs
from cardoon.testing.faults.servers.server import Server, ServerTrouble

_OWNER = "postgres"
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_PROTOCOL = 196_608
"""Version 3.0 of the protocol between clients and servers."""
_INITDB_SECONDS = 120.0
_NOBODY = b"\0C28"
"""The beginning of the codes of errors that say who may come in."""


class PostgresServer(Server):
    """`postgres`, with a cluster of its own and the settings that it has by itself.

    Not `durable`, it never waits for the disk. `settings` are those of postgresql.conf, such as
    `{"max_connections": "10"}`. Root runs it as another user, since it refuses root. A `replica_of` another
    one, which must run when this one is first started, is a standby of it until it is promoted.
    """

    end_signal = signal.SIGINT

    def __init__(
        self,
        *,
        durable: bool = True,
        password: str = "",
        settings: Mapping[str, str] = {},
        programs: str = "",
        replica_of: PostgresServer | None = None,
    ) -> None:
        super().__init__(durable=durable, settings=settings, programs=programs)
        self.password = password
        self._follows = replica_of

    @property
    def url(self) -> str:
        """See `Server.url`."""
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        return f"postgresql://{_OWNER}{secret}@{HOST}:{self.port}/{_OWNER}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def find_programs(self) -> None:
        """See `Server.find_programs`."""
        self._initdb, self._postgres = postgres_programs(self.programs)
        self.user = ordinary_user()

    def prepare(self) -> None:
        """Make the cluster. Whoever comes from this machine is let in, unless there is a password."""
        if self._follows is not None:
            return self._copy(self._follows)
        secret = self.folder / "secret"
        secret.touch(0o600)
        secret.write_text(f"{self.password}\n")
        if self.user:
            shutil.chown(secret, self.user)
        try:
            self._initdb_with(secret)
        finally:
            secret.unlink()

    def _initdb_with(self, secret: Path) -> None:
        words = ["--no-sync", "--no-locale", "--encoding=UTF8", f"--username={_OWNER}"]
        trusted = ["--auth=trust"]
        guarded = ["--auth=scram-sha-256", f"--pwfile={secret}"]
        self._make([self._initdb, *words, *(guarded if self.password else trusted), str(self._data)])

    def _copy(self, primary: PostgresServer) -> None:
        """What the primary has, with the word that it is a standby of it."""
        self.password = primary.password
        where = primary.url.rpartition("/")[0]
        self._make(
            [
                self._beside("pg_basebackup"),
                "-d",
                where,
                "-D",
                str(self._data),
                "-R",
                "-c",
                "fast",
                "--no-sync",
            ]
        )

    def _beside(self, program: str) -> str:
        found = Path(self._initdb).resolve().with_name(program)
        if not found.exists():
            raise CannotInject(f"there is no {found}, which a standby needs; install PostgreSQL's client")
        return str(found)

    def _make(self, command: list[str]) -> None:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            **as_user(self.user),
            capture_output=True,
            text=True,
            timeout=_INITDB_SECONDS,
            check=False,
        )
        if done.returncode:
            program = Path(command[0]).name
            raise ServerTrouble(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def promote(self) -> None:
        """A standby becomes a primary, with what it heard so far; returns when it is one."""
        self._make([self._beside("pg_ctl"), "promote", "--wait", "-D", str(self._data)])
        self._follows = None

    def command(self) -> list[str]:
        """See `Server.command`."""
        wanted = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            **({} if self.durable else _FAST),
            **self.settings,
        }
        options = [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]
        return [self._postgres, "-D", str(self._data), *options]

    def answers(self, line: socket.socket) -> bool:
        """It asks who is there, or for a password, or lets nobody in; earlier it answers other errors."""
        hello = struct.pack("!i", _PROTOCOL) + f"user\0{_OWNER}\0\0".encode()
        line.sendall(struct.pack("!i", len(hello) + 4) + hello)
        said = line.recv(4096)
        if said[:1] != b"R":
            return said[:1] == b"E" and _NOBODY in said
        line.sendall(b"X" + struct.pack("!i", 4))
        return True
