"""A bad network: a proxy on this machine that stands before any server and does harm when told to."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import inf
from typing import Any, Self
from urllib.parse import urlsplit

from cardoon.model import clock
from cardoon.testing.faults.line import Line
from cardoon.testing.faults.loss import lose
from cardoon.testing.faults.servers.ports import HOST, free_port

_CHUNK = 65_536
_BACKLOG = 128
_CALL_SECONDS = 10.0


@dataclass
class _Trap:
    """What is done to one request, `left` requests from now: at once, or when its answer comes."""

    harm: Callable[[Line], None]
    left: int
    by_its_answer: bool


class Proxy:
    """Passes bytes on between its clients and one server; entered by `with`, and switched while it runs.

    A request begins with what a client sends first, or after an answer. Requests are counted over all
    connections, from 1 for the one that comes next. What is done to a request is done once; the switches
    below stay until `heal`.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._lines: set[Line] = set()
        self._trap: _Trap | None = None
        self._delay = 0.0
        self._loss = 0.0
        self._size = _CHUNK
        self._deaf_after = inf
        self._flows = True
        self._accepting: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = HOST, free_port()
        """Where clients find it."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cardoon-proxy", daemon=True)
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def through(self, url: str) -> str:
        """The URL that leads to the same place by way of this proxy."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        host, port = self.address
        return parts._replace(netloc=f"{user}{at}{host}:{port}").geturl()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._lines)

    # -- to one request

    def cut_before(self, request: int = 1) -> None:
        """Cut its connection when it comes; the server gets nothing of it."""
        self._soon(self._set, _Trap(Line.cut, request, by_its_answer=False))

    def cut_after(self, request: int = 1) -> None:
        """Cut its connection when its answer comes: the server has done what was asked."""
        self._soon(self._set, _Trap(Line.cut, request, by_its_answer=True))

    def swallow(self, request: int = 1) -> None:
        """Keep its answer, and all that its connection would hear later; the connection stays open."""
        self._soon(self._set, _Trap(Line.deafen, request, by_its_answer=True))

    def spare(self) -> None:
        """Harm no request after all."""
        self._soon(self._set, None)

    @property
    def waits(self) -> bool:
        """Whether the request that is to be harmed has not come yet."""
        return self._trap is not None

    # -- until it is healed

    def delay(self, seconds: float) -> None:
        """Hold up whatever passes, in both directions, for so long."""
        self._delay = seconds

    def lose(self, share: float) -> None:
        """Lose this share of the packets that client and server send, so that their kernels send them again.

        A request or an answer is late by 0.2 s then, or 0.4 s and so on, and a connection by a second.
        """
        self._soon(self._set_loss, share)

    def split(self, size: int = 1) -> None:
        """Pass everything on in pieces of so many bytes."""
        self._size = size

    def black_hole(self) -> None:
        """Accept connections and bytes and pass nothing on; what was kept passes when it is healed."""
        self._soon(self._hold)

    def deafen(self, after: float = 0.1) -> None:
        """Make deaf whoever the server talks to unasked, or later than so many seconds after being asked.

        Sleepers are not woken, while what is answered at once is heard.
        """
        self._deaf_after = after

    def refuse(self) -> None:
        """Accept no new connections; those that are open go on."""
        self._do(self._accept_no_more())

    def lead_to(self, server: tuple[str, int]) -> None:
        """New connections lead to this server, as after a failover; those that are open stay."""
        self._server = server

    def heal(self) -> None:
        """Be a good network again; a connection that lost something stays silent until it is cut."""
        self._delay, self._size, self._deaf_after = 0.0, _CHUNK, inf
        self._soon(self._set_loss, 0.0)
        self._soon(self._go_on)
        self._do(self._listen())

    # -- at once

    def cut(self) -> None:
        """Cut every connection that is open; new ones are welcome."""
        self._soon(self._each, Line.cut)

    def silence(self) -> None:
        """Every open connection stays open and carries nothing more, as behind a forgetful router."""
        self._soon(self._each, Line.silence)

    # -- inside, in the thread of the loop

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    def _soon(self, change: Callable[..., None], *args: Any) -> None:
        async def make() -> None:
            change(*args)

        self._do(make())

    def _set(self, trap: _Trap | None) -> None:
        self._trap = trap
        for line in self._lines:
            line.when_answered = None

    def _each(self, change: Callable[[Line], None]) -> None:
        for line in list(self._lines):
            change(line)

    def _set_loss(self, share: float) -> None:
        if share == self._loss:
            return
        self._loss = share
        if self._listener is not None:
            lose(self._listener, share)
        for line in self._lines:
            line.lose(share)

    def _hold(self) -> None:
        self._flows = False
        self._each(Line.hold)

    def _go_on(self) -> None:
        self._flows = True
        self._each(Line.go_on)

    async def _listen(self) -> None:
        if self._accepting is None:
            listener = socket.create_server(self.address, backlog=_BACKLOG)
            listener.setblocking(False)
            self._listener = listener
            if self._loss:
                lose(listener, self._loss)
            self._accepting = self._begin(self._accept(listener))

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                client, _ = await self._loop.sock_accept(listener)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._begin(self._serve(client))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)  # the loop itself would forget it
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept_no_more(self) -> None:
        accepting, self._accepting, self._listener = self._accepting, None, None
        if accepting is not None:
            accepting.cancel()
            await asyncio.wait([accepting])

    async def _end(self) -> None:
        await self._accept_no_more()
        self._each(Line.cut)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, client: socket.socket) -> None:
        try:
            requests, writer = await asyncio.open_connection(sock=client, limit=_CHUNK)
        except OSError:
            return client.close()  # it is gone already
        line = Line(writer, flows=self._flows)
        self._lines.add(line)
        try:
            await self._between(line, requests)
            line.close()
        except OSError:
            line.cut()  # the server is not there, or one of the two is gone
        finally:
            self._lines.discard(line)

    async def _between(self, line: Line, requests: asyncio.StreamReader) -> None:
        """Until one of the two has nothing more to say."""
        answers = await line.connect(self._server, _CHUNK)
        if answers is None:
            return
        if self._loss:
            line.lose(self._loss)
        ways = (
            self._pump(line, requests, line.server, self._asked),
            self._pump(line, answers, line.client, self._answered),
        )
        running = [self._begin(way) for way in ways]
        done, others = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        for way in done:
            way.result()

    async def _pump(
        self,
        line: Line,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        heard: Callable[[Line], None],
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            heard(line)
            while chunk:
                piece, chunk = chunk[: self._size], chunk[self._size :]
                await asyncio.sleep(self._delay)
                await line.pass_on(piece, writer)

    def _asked(self, line: Line) -> None:
        """The client sends something: a request, or more of it."""
        if line.asks:
            return
        line.asks, line.asked = True, clock.monotonic()
        trap = self._trap
        if trap is None:
            return
        trap.left -= 1
        if trap.left:
            return
        self._trap = None
        if trap.by_its_answer:
            line.when_answered = trap.harm
        else:
            trap.harm(line)

    def _answered(self, line: Line) -> None:
        line.asks = False
        if clock.monotonic() - line.asked > self._deaf_after:
            line.deafen()
        harm, line.when_answered = line.when_answered, None
        if harm is not None:
            harm(line)
