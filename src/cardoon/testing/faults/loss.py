"""Packets that get lost: the kernel drops a share of those that come for a socket, and TCP sends them again.

It is done by a filter of the socket (Linux's SO_ATTACH_FILTER), for which nobody needs to be root. What
applications see of it is what a bad network shows them: stalls of 0.2 s, 0.4 s, 0.8 s and so on.
"""

from __future__ import annotations

import ctypes
import struct
from contextlib import suppress
from typing import Protocol

from cardoon.testing.faults.processes import only_on_linux

_SOL_SOCKET, _SO_ATTACH_FILTER, _SO_DETACH_FILTER = 1, 26, 27
_LOAD, _IF_AT_LEAST, _RETURN = 0x20, 0x35, 0x06
"""Instructions of a classic BPF program."""
_RANDOM = 0xFFFF_F000 + 56
"""Where it finds a random number of 32 bits."""
_WHOLE, _NOTHING = 0xFFFF_FFFF, 0


class Socket(Protocol):
    """One of Python's own, or one that asyncio lends."""

    def setsockopt(self, level: int, name: int, value: bytes | int, /) -> None:
        """See `socket.socket.setsockopt`."""


def lose(line: Socket, share: float) -> None:
    """Drop this share of the packets that come for the socket, and those of whom it accepts; 0 ends it."""
    only_on_linux("losing packets")
    if not 0 <= share < 1:
        raise ValueError(f"share must be from 0 to less than 1, not {share!r}")
    if share == 0:
        _keep_all(line)
    else:
        _attach(line, share)


def _attach(line: Socket, share: float) -> None:
    steps = (
        struct.pack("HBBI", _LOAD, 0, 0, _RANDOM),
        struct.pack("HBBI", _IF_AT_LEAST, 0, 1, int(share * _WHOLE)),
        struct.pack("HBBI", _RETURN, 0, 0, _WHOLE),
        struct.pack("HBBI", _RETURN, 0, 0, _NOTHING),
    )
    program = ctypes.create_string_buffer(b"".join(steps))
    line.setsockopt(_SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(steps), ctypes.addressof(program)))


def _keep_all(line: Socket) -> None:
    with suppress(FileNotFoundError):  # it lost nothing
        line.setsockopt(_SOL_SOCKET, _SO_DETACH_FILTER, 0)
