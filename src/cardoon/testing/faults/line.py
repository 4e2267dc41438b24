"""One client of a proxy and its connection to the server."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from math import inf

from cardoon.testing.faults.loss import lose

_RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)


class Line:
    """It passes bytes on while it `flows`; all of it belongs to the thread of the proxy's loop."""

    def __init__(self, client: asyncio.StreamWriter, *, flows: bool) -> None:
        self.client = client
        self.server = client
        """The client itself until there is a connection to the server."""
        self._flows = asyncio.Event()
        self._silent = self._deaf = self._cut = False
        self.asks = False
        """Whether a request is under way: the client sent, and no answer came yet."""
        self.asked = -inf
        """When the last request began."""
        self.when_answered: Callable[[Line], None] | None = None
        """What is done to this line when the answer comes that is under way."""
        if flows:
            self._flows.set()

    async def connect(self, address: tuple[str, int], limit: int) -> asyncio.StreamReader | None:
        """The way back from the server, as soon as this line flows; None when it was cut before."""
        await self._flows.wait()
        if not self._cut:
            answers, self.server = await asyncio.open_connection(*address, limit=limit)
            return self._unless_cut(answers)
        return None

    def _unless_cut(self, answers: asyncio.StreamReader) -> asyncio.StreamReader | None:
        """It may have been cut while it was connecting."""
        if self._cut:
            self.cut()
        return None if self._cut else answers

    async def pass_on(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        """Send it, as soon as this line flows; what the client may not hear is dropped."""
        await self._flows.wait()
        if self._cut or (self._deaf and writer is self.client):
            return
        writer.write(piece)
        await writer.drain()

    def hold(self) -> None:
        """Keep whatever comes."""
        self._flows.clear()

    def go_on(self) -> None:
        """Pass on what was kept; a silent line stays silent."""
        if not self._silent:
            self._flows.set()

    def silence(self) -> None:
        """Keep whatever comes, for ever."""
        self._silent = True
        self.hold()

    def deafen(self) -> None:
        """Let the client hear nothing more."""
        self._deaf = True

    def lose(self, share: float) -> None:
        """Drop this share of the packets that client and server send."""
        for end in (self.client, self.server):
            with suppress(OSError):  # it is closed already
                lose(end.get_extra_info("socket"), share)

    def cut(self) -> None:
        """Reset both connections, now."""
        self._cut = True
        self._flows.set()
        for end in (self.client, self.server):
            with suppress(OSError):  # it is closed already
                sock: socket.socket = end.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_WHEN_CLOSED)
            end.transport.abort()

    def close(self) -> None:
        """Close both connections, after what was sent."""
        for end in (self.client, self.server):
            end.close()
