"""A private Redis or Valkey."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import quote

from cardoon.testing.faults.servers.ports import HOST
from cardoon.testing.faults.servers.programs import redis_program
from cardoon.testing.faults.servers.server import END_SECONDS, Server, ServerTrouble

_DURABLE = {"appendonly": "yes", "appendfsync": "always"}
_FAST = {"appendonly": "yes", "appendfsync": "no"}


class RedisServer(Server):
    """`redis-server`, or `valkey-server`: with an append-only file that is written before each answer.

    Not `durable`, that file is written when the system likes. `settings` are those of redis.conf, such as
    `{"maxmemory": "10mb"}`. A `replica_of` another one follows it until it is promoted.
    """

    def __init__(
        self,
        *,
        durable: bool = True,
        password: str = "",
        settings: Mapping[str, str] = {},
        programs: str = "",
        replica_of: RedisServer | None = None,
    ) -> None:
        super().__init__(durable=durable, settings=settings, programs=programs)
        self.password = password
        self._follows = replica_of

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
        self._program = redis_program(self.programs)

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
            **(self._following(self._follows) if self._follows else {}),
            **self.settings,
        }
        return [self._program, *(word for name, value in wanted.items() for word in (f"--{name}", value))]

    @staticmethod
    def _following(primary: RedisServer) -> dict[str, str]:
        return {"replicaof": f"{HOST} {primary.port}", "masterauth": primary.password}

    def promote(self) -> None:
        """A replica becomes a primary, with what it heard so far; returns when it is one."""
        self._follows = None
        self._order("REPLICAOF", "NO", "ONE")

    def demote(self, primary: RedisServer) -> None:
        """It becomes a replica of another one, whose data takes the place of its own."""
        self._follows = primary
        self._order("REPLICAOF", HOST, str(primary.port))

    def _order(self, *command: str) -> None:
        with socket.create_connection(self.address, END_SECONDS) as line:
            for words in [("AUTH", self.password)] * bool(self.password) + [command]:
                texts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
                line.sendall(f"*{len(words)}\r\n{texts}".encode())
                said = line.recv(4096)
                if not said.startswith(b"+OK"):
                    raise ServerTrouble(f"{words[0]}: {said.decode('utf-8', 'replace').strip()}")

    def answers(self, line: socket.socket) -> bool:
        """See `Server.answers`."""
        line.sendall(b"PING\r\n")
        return line.recv(64).startswith((b"+PONG", b"-NOAUTH"))
