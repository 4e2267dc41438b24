"""Ports of this machine for servers that come and go."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from cardoon.model import clock

HOST = "127.0.0.1"
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_LOWEST = 32_768
_BELOW = 12_000
_TRIES = 100


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to clients.

    Among theirs, a client could be given it while its server is down, and even meet itself there.
    """
    highest = _lowest_of_clients()
    for _ in range(_TRIES):
        port = highest - 1 - int(clock.full_jitter(min(_BELOW, highest - 1_025)))
        with socket.socket() as found, suppress(OSError):
            found.bind((HOST, port))
            return port
    raise OSError(f"no port below {highest} is free on {HOST}")


def _lowest_of_clients() -> int:
    try:
        lowest = int(_RANGE.read_text().split()[0])
    except OSError:
        return _USUAL_LOWEST
    return lowest if lowest > 2_000 else 65_536  # clients may have them all
