"""A private Redis or Valkey."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import quote

from cardoon.testing.faults.servers.ports import HOST
from cardoon.testing.faults.servers.programs import redis_program
from cardoon.testing.faults.servers.server import Server

_DURABLE = {"appendonly": "yes", "appendfsync": "always"}
_FAST = {"appendonly": "yes", "appendfsync": "no"}


class RedisServer(Server):
    """`redis-server`, or `valkey-server`: with an append-only file that is written before each answer.

    Not `durable`, that file is written when the system likes. `settings` are those of redis.conf, such as
    `{"maxmemory": "10mb"}`.
    """

    def __init__(self, *, durable: bool = True, password: str = "", settings: Mapping[str, str] = {}) -> None:
        super().__init__(durable=durable, settings=settings)
        self.password = password

    @property
    def url(self) -> str:
        """See `Server.url`."""
        secret = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{secret}{HOST}:{self.port}/0"

    @property
    def socket_path(self) -> str:
        """The path of its Unix socket."""
        return str(self.folder / "socket")

    def find_programs(self) -> None:
        """See `Server.find_programs`."""
        self._program = redis_program()

    def command(self) -> list[str]:
        """See `Server.command`."""
        wanted = {
            "bind": HOST,
            "port": str(self.port),
            "unixsocket": self.socket_path,
            "dir": str(self.folder),
            "save": "",
            "requirepass": self.password,
            **(_DURABLE if self.durable else _FAST),
            **self.settings,
        }
        return [self._program, *(word for name, value in wanted.items() for word in (f"--{name}", value))]

    def answers(self, line: socket.socket) -> bool:
        """See `Server.answers`."""
        line.sendall(b"PING\r\n")
        return line.recv(64).startswith((b"+PONG", b"-NOAUTH"))
