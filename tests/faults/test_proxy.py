"""The proxy, before a server of our own that tells what it was asked."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from cardoon.testing import faults

PATIENCE = 5.0
SHORT = 0.2


class Echo(socketserver.ThreadingTCPServer):
    """Answers each line with itself, in capitals, and remembers what it was asked."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _EchoLine)
        self.asked: list[str] = []


class _EchoLine(socketserver.StreamRequestHandler):
    server: Echo

    def handle(self) -> None:
        try:
            for line in self.rfile:
                self.server.asked.append(line.decode().strip())
                if line == b"slowly\n":
                    threading.Event().wait(SHORT)
                self.wfile.write(line.upper())
        except ConnectionError:
            pass


@contextmanager
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Echo]:
    with echo() as server:
        yield server


def address_of(server: Echo) -> tuple[str, int]:
    host, port = server.server_address
    return str(host), port


@pytest.fixture
def proxy(server: Echo) -> Iterator[faults.Proxy]:
    with faults.Proxy(address_of(server)) as proxy:
        yield proxy


def call(proxy: faults.Proxy) -> closing[socket.socket]:
    return closing(socket.create_connection(proxy.address, PATIENCE))


def ask(line: socket.socket, text: str, patience: float = PATIENCE) -> str:
    line.settimeout(patience)
    line.sendall(f"{text}\n".encode())
    answer = b""
    while not answer.endswith(b"\n"):
        got = line.recv(4096)
        if not got:
            raise ConnectionResetError("the line ended")
        answer += got
    return answer.decode().strip()


def ask_once(proxy: faults.Proxy, text: str) -> str:
    with call(proxy) as line:
        return ask(line, text)


def test_it_passes_on_what_is_said(server: Echo, proxy: faults.Proxy) -> None:
    with call(proxy) as one, call(proxy) as other:
        assert ask(one, "a") == "A"
        assert ask(other, "b") == "B"
        assert ask(one, "c" * 1_000_000) == "C" * 1_000_000
        assert proxy.connections == 2
    assert server.asked[:2] == ["a", "b"]


def test_a_request_that_is_cut_before_never_reaches_the_server(server: Echo, proxy: faults.Proxy) -> None:
    with call(proxy) as line:
        proxy.cut_before(2)
        assert ask(line, "a") == "A"
        assert proxy.waits
        with pytest.raises(ConnectionError):
            ask(line, "b")
        assert not proxy.waits
    with call(proxy) as line:
        assert ask(line, "c") == "C"
    assert server.asked == ["a", "c"]


def test_a_request_that_is_cut_after_was_done(server: Echo, proxy: faults.Proxy) -> None:
    with call(proxy) as line:
        proxy.cut_after()
        with pytest.raises(ConnectionError):
            ask(line, "a")
    with call(proxy) as line:
        assert ask(line, "b") == "B"
    assert server.asked == ["a", "b"]


def test_a_swallowed_answer_leaves_an_open_line_that_says_nothing(server: Echo, proxy: faults.Proxy) -> None:
    with call(proxy) as line, call(proxy) as other:
        proxy.swallow()
        with pytest.raises(TimeoutError):
            ask(line, "a", SHORT)
        with pytest.raises(TimeoutError):
            ask(line, "b", SHORT)
        assert ask(other, "c") == "C"
        assert server.asked == ["a", "b", "c"]


def test_a_request_can_be_spared(proxy: faults.Proxy) -> None:
    with call(proxy) as line:
        proxy.cut_before()
        proxy.spare()
        assert ask(line, "a") == "A"
        assert not proxy.waits


def test_a_black_hole_accepts_and_keeps_what_is_said(server: Echo, proxy: faults.Proxy) -> None:
    with call(proxy) as line:
        assert ask(line, "a") == "A"
        proxy.black_hole()
        with call(proxy) as other:
            for one in (line, other):
                with pytest.raises(TimeoutError):
                    ask(one, "b", SHORT)
            assert server.asked == ["a"]
            proxy.heal()
            assert line.recv(100) == other.recv(100) == b"B\n"
    assert server.asked == ["a", "b", "b"]


def test_a_client_in_a_black_hole_can_be_cut(proxy: faults.Proxy) -> None:
    proxy.black_hole()
    with call(proxy) as line:
        line.sendall(b"a\n")
        proxy.heal()
        assert line.recv(100) == b"A\n"
        proxy.black_hole()
        line.sendall(b"b\n")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(100)


def test_silence_falls_on_those_that_are_open_and_on_no_other(proxy: faults.Proxy) -> None:
    with call(proxy) as line:
        assert ask(line, "a") == "A"
        proxy.silence()
        with call(proxy) as other:
            assert ask(other, "b") == "B"
        proxy.heal()
        with pytest.raises(TimeoutError):
            ask(line, "c", SHORT)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(1)


def test_the_deaf_hear_what_is_answered_at_once_and_nothing_else(proxy: faults.Proxy) -> None:
    with call(proxy) as line, call(proxy) as other:
        proxy.deafen(SHORT / 2)
        assert ask(line, "a") == "A"
        with pytest.raises(TimeoutError):
            ask(line, "slowly", 2 * SHORT)
        with pytest.raises(TimeoutError):
            ask(line, "b", SHORT)
        assert ask(other, "c") == "C"
        proxy.heal()
        assert ask(other, "slowly") == "SLOWLY"


def test_a_cut_ends_all_that_is_open_at_once(proxy: faults.Proxy, until) -> None:
    with call(proxy) as one, call(proxy) as other:
        assert ask(one, "a") == ask(other, "a") == "A"
        proxy.cut()
        for line in (one, other):
            with pytest.raises(ConnectionResetError):
                line.recv(1)
        until(lambda: proxy.connections == 0)
    with call(proxy) as line:
        assert ask(line, "b") == "B"


def test_who_is_refused_is_welcome_again_when_it_is_healed(proxy: faults.Proxy) -> None:
    with call(proxy) as line:
        assert ask(line, "a") == "A"
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            call(proxy)
        assert ask(line, "a") == "A"
        proxy.heal()
        with call(proxy) as other:
            assert ask(other, "b") == "B"


def test_a_delay_holds_up_both_ways(proxy: faults.Proxy) -> None:
    with call(proxy) as line:
        proxy.delay(0.05)
        begun = time.monotonic()
        assert ask(line, "a") == "A"
        assert time.monotonic() - begun >= 0.1
        proxy.heal()
        assert ask(line, "b") == "B"


def test_packets_that_are_lost_are_sent_again_and_make_it_late(proxy: faults.Proxy) -> None:
    late, asked = 0.1, 0
    with call(proxy) as before:
        proxy.lose(0.3)
        with call(proxy) as after:
            for line in (before, after):
                took = 0.0
                while took < late:
                    begun, asked = time.monotonic(), asked + 1
                    assert ask(line, f"a{asked}", 60.0) == f"A{asked}"
                    took = time.monotonic() - begun
                    assert asked < 1_000, "nothing is late, so nothing was lost"
            proxy.heal()
            quickest = [seconds_of(line) for line in (before, after) for _ in range(20)]
    assert sorted(quickest)[len(quickest) // 2] < late
    with pytest.raises(ValueError, match="from 0 to less than 1"):
        proxy.lose(1.0)


def seconds_of(line: socket.socket) -> float:
    begun = time.monotonic()
    assert ask(line, "b") == "B"
    return time.monotonic() - begun


def test_split_sends_small_pieces(proxy: faults.Proxy) -> None:
    proxy.split(1)
    proxy.delay(0.005)
    with call(proxy) as line:
        line.sendall(b"abc\n")
        pieces = [line.recv(100)]
        while pieces[-1] != b"\n":
            pieces.append(line.recv(100))
        assert pieces == [b"A", b"B", b"C", b"\n"]


def test_before_a_server_that_is_down_a_line_ends(server: Echo) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with faults.Proxy(nobody.getsockname()) as proxy, pytest.raises(ConnectionError):
            ask_once(proxy, "a")


def test_new_lines_lead_to_another_server_and_open_ones_stay(server: Echo, proxy: faults.Proxy) -> None:
    with echo() as other, call(proxy) as before:
        assert ask(before, "a") == "A"
        proxy.lead_to(address_of(other))
        assert ask_once(proxy, "b") == "B"
        assert ask(before, "c") == "C"
        assert (server.asked, other.asked) == (["a", "c"], ["b"])


def test_when_the_server_ends_a_line_so_does_the_proxy(proxy: faults.Proxy, server: Echo) -> None:
    with call(proxy) as line:
        line.sendall(b"a\n")
        line.shutdown(socket.SHUT_WR)
        line.settimeout(PATIENCE)
        while line.recv(100):
            pass


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("redis://localhost:6379/0", "redis://{}/0"),
        ("redis://:s%40e@10.0.0.1/0?namespace=x", "redis://:s%40e@{}/0?namespace=x"),
        ("postgresql://ada:pw@db.example:5432/shop?schema=jobs", "postgresql://ada:pw@{}/shop?schema=jobs"),
    ],
)
def test_a_url_leads_through_it(proxy: faults.Proxy, url: str, wanted: str) -> None:
    assert proxy.through(url) == wanted.format("{}:{}".format(*proxy.address))
