"""One connection of the library, as it is used here: commands packed beforehand, answers as they come."""

from __future__ import annotations

import select
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol, cast

from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.retry import Retry

from cardoon.engines.contract import CALL_SECONDS
from cardoon.engines.redis.place import Place
from cardoon.model.errors import ConfigurationError

Value = bytes | str | int | float

_HUNG_UP = (
    "if it expects TLS, write rediss://",
    "if it wants to see a certificate of yours, name it with ssl_certfile=FILE and ssl_keyfile=FILE",
)
"""What it may be that a server ends a connection before anything was said on it: without TLS, and with it."""


class Connection(Protocol):
    """What is used of the library's connection. It connects, proves who it is and checks certificates."""

    def connect(self) -> None:
        """Connect and log in."""
        ...

    def disconnect(self) -> None:
        """Let go of the socket; that of a forked process's parent stays open there."""
        ...

    def send_packed_command(self, command: list[bytes], check_health: bool = True) -> None:
        """Write; raises what the library raises."""
        ...

    def read_response(self) -> Any:
        """The next answer; an error of the server is raised."""
        ...

    def can_read(self, timeout: float) -> bool:
        """Whether there is something to read, or the other side closed."""
        ...


class Dialler:
    """Makes connections to a place, with a bound on each of their steps and no repetition of any."""

    def __init__(self, place: Place) -> None:
        self._perhaps = _HUNG_UP[place.url.startswith("rediss:")]
        keep_alive = {} if place.url.startswith("unix:") else {"socket_keepalive": True}
        try:
            self._pool = ConnectionPool.from_url(
                place.url,
                socket_timeout=CALL_SECONDS,
                socket_connect_timeout=CALL_SECONDS,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
                **keep_alive,
            )
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{place.shown}: {error}") from None

    def dial(self) -> Connection:
        """A new connection; raises what the library raises."""
        # Not by the pool, which counts those that it made and is not told of those that broke.
        connection = cast("Connection", self._pool.connection_class(**self._pool.connection_kwargs))
        try:
            connection.connect()
        except exceptions.ConnectionError as error:
            drop(connection)
            if isinstance(error.__context__, ConnectionResetError | ssl.SSLEOFError):
                raise exceptions.ConnectionError(f"{error}; {self._perhaps}") from error
            raise
        except BaseException:
            drop(connection)
            raise
        return connection

    def follow(self, moved: exceptions.MovedError) -> None:
        """From now on to the node of a cluster that this error names."""
        self._pool.connection_kwargs.update(host=moved.host, port=moved.port)


def packed(values: Sequence[Value]) -> bytes:
    """Values as they travel."""
    texts = [value if isinstance(value, bytes) else _text(value) for value in values]
    return b"".join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts])


def _text(value: str | float) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else repr(value).encode()


def command(*words: Value) -> bytes:
    """A command as it travels."""
    return b"*%d\r\n%b" % (len(words), packed(words))


def answer(connection: Connection, data: bytes) -> Any:
    """What the server answers to a packed command."""
    connection.send_packed_command([data], check_health=False)
    return connection.read_response()


def was_closed(connection: Connection) -> bool:
    """Whether the other side closed it, or said something that nobody asked for."""
    # In half the time in which the library tells it.
    poll = select.poll()
    poll.register(descriptor(connection), select.POLLIN)
    return bool(poll.poll(0))


def drop(connection: Connection) -> None:
    """Let go of it, in whatever condition it is."""
    with suppress(exceptions.RedisError, OSError):
        connection.disconnect()


def descriptor(connection: Connection) -> int:
    """The number of its socket, to be slept on."""
    socket: Any = connection
    return int(socket._sock.fileno())
