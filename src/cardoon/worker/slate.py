"""What a process leaves for its supervisor to read, whatever ends it: a small file in both their memories.

It holds the nearest hard limit, the last lines of the log, and where the interpreter stood when it crashed.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
from itertools import takewhile

from cardoon.model.outcome import PACKAGE

_HEAD = struct.Struct("<ddH230s")
_ROUND_AT = 256
_ROUND = struct.Struct("<Q")
_LOG_AT, _LOG_SIZE = 272, 4096
_OURS = (f'  File "{PACKAGE}', '  File "<frozen runpy>', "Extension modules:")
_BEGUN = f'  File "{PACKAGE}worker/process.py"'
_STACK_AT = _LOG_AT + _LOG_SIZE
_STACK_SIZE = 8192
NO_DEADLINE = (0.0, 0.0, "")


class Slate:
    """Made by the supervisor, whose child opens it by its descriptor. One writes, the other reads."""

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _new_file() if descriptor is None else descriptor
        self._map = mmap.mmap(self.descriptor, _STACK_AT)

    @property
    def deadline(self) -> tuple[float, float, str]:
        """The moment (monotonic) of the nearest hard limit, that limit, and whose; zeros without one."""
        moment, seconds, length, id = _HEAD.unpack_from(self._map)
        return moment, seconds, id[:length].decode("utf-8", "replace")

    @deadline.setter
    def deadline(self, nearest: tuple[float, float, str]) -> None:
        moment, seconds, id = nearest
        name = id.encode()[:230]
        _HEAD.pack_into(self._map, 0, moment, seconds, len(name), name)

    def passed(self, now: float) -> tuple[float, float, str]:
        """The deadline if it has passed at this moment; zeros while it has not."""
        deadline = self.deadline
        return deadline if deadline[0] <= now else NO_DEADLINE

    def write(self, line: str) -> None:
        """Add a line to the log; the oldest ones go."""
        data = line.encode("utf-8", "replace")[-1024:] + b"\n"
        (written,) = _ROUND.unpack_from(self._map, _ROUND_AT)
        place = written % _LOG_SIZE
        first = data[: _LOG_SIZE - place]
        self._map[_LOG_AT + place : _LOG_AT + place + len(first)] = first
        rest = data[len(first) :]
        self._map[_LOG_AT : _LOG_AT + len(rest)] = rest
        _ROUND.pack_into(self._map, _ROUND_AT, written + len(data))

    def lines(self) -> list[str]:
        """The last whole lines of the log, oldest first."""
        (written,) = _ROUND.unpack_from(self._map, _ROUND_AT)
        ring = self._map[_LOG_AT:_STACK_AT]
        place = written % _LOG_SIZE
        text = ring[:written] if written <= _LOG_SIZE else ring[place:] + ring[:place]
        lines = text.decode("utf-8", "replace").splitlines()
        return lines if written <= _LOG_SIZE else lines[1:]

    @property
    def stack_file(self) -> int:
        """A descriptor whose writes land on the slate; for faulthandler, which cannot use a map."""
        os.lseek(self.descriptor, _STACK_AT, os.SEEK_SET)
        return self.descriptor

    def stack(self) -> str:
        """What faulthandler wrote when the interpreter crashed, without our own frames and what called us."""
        text = os.pread(self.descriptor, _STACK_SIZE, _STACK_AT).decode("utf-8", "replace").strip("\0\n")
        above = takewhile(lambda line: not line.startswith(_BEGUN), text.splitlines())
        return "\n".join(line for line in above if not line.startswith(_OURS))

    def close(self) -> None:
        """Let go of it."""
        self._map.close()
        os.close(self.descriptor)


class Noted(logging.Formatter):
    """Formats as another does, and leaves a copy of each line on a slate."""

    def __init__(self, formatter: logging.Formatter, slate: Slate) -> None:
        super().__init__()
        self._formatter = formatter
        self._slate = slate

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = self._formatter.format(record)
        self._slate.write(line)
        return line


def _new_file() -> int:
    """A file without a name, gone with the last process that has it open."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("cardoon-slate")
    else:
        import tempfile  # slow to import, and Linux does without

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, _STACK_AT)
    return descriptor
