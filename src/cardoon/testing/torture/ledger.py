"""The ledger: what processes wrote down themselves, without the engine.

Each process appends to a file of its own, one `write` a record, so that a kill between two writes loses
nothing and a kill within one is seen by the checksum.
"""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from cardoon.model import clock

SUFFIX = ".ledger"
_HOW = os.O_APPEND | os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that a process did or saw. `at` are nanoseconds that never run backwards on this host.

    `id`, `token`, `attempt` and `retries` are those of the job, where it is about one.
    """

    event: str
    id: str = ""
    at: int = 0
    pid: int = 0
    seq: int = 0
    token: int = 0
    attempt: int = 0
    retries: int = 0
    data: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        """The moment in seconds."""
        return self.at / 1e9


class Ledger:
    """Where this process writes; a process forked from it begins a file of its own."""

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._pid = 0
        self._file = -1
        self._numbers = itertools.count()

    def write(self, event: str, id: str = "", **fields: Any) -> None:
        """Add a record; once this returns, it survives the death of this process. Safe in any thread."""
        pid = os.getpid()
        if self._pid != pid:
            self._begin(pid)
        moment = round(clock.monotonic() * 1e9)
        record = Record(event=event, id=id, at=moment, pid=pid, seq=next(self._numbers), **fields)
        os.write(self._file, _line(record))

    def _begin(self, pid: int) -> None:
        """Open the file first: as soon as the pid is right, other threads write."""
        name = f"{self._owner}-{pid}-{clock.new_id()}{SUFFIX}"
        self._file = os.open(self._folder / name, _HOW, 0o600)
        self._pid = pid


def _line(record: Record) -> bytes:
    body = msgspec.json.encode(record)
    return b"%08x %b\n" % (zlib.crc32(body), body)


_decoder = msgspec.json.Decoder(Record)


class Damaged(ValueError):
    """A ledger has a bad record that is not its last one: the harness itself is broken."""


def read(folder: Path) -> list[Record]:
    """All records of a run, oldest first; a last one that was cut off by a kill is left out."""
    found = [record for file in sorted(folder.glob(f"*{SUFFIX}")) for record in read_file(file)]
    return sorted(found, key=lambda record: (record.at, record.pid, record.seq))


def read_file(file: Path) -> list[Record]:
    """The records of one process, in their order; raises Damaged."""
    return list(_records(file, file.read_bytes().split(b"\n")))


def _records(file: Path, lines: list[bytes]) -> Iterator[Record]:
    for number, line in enumerate(lines):
        body = line[9:]
        if body and line[:9] == b"%08x " % zlib.crc32(body) and number + 1 < len(lines):
            yield _decoder.decode(body)
        elif number + 1 < len(lines):
            raise Damaged(f"{file.name}, line {number + 1}: {line[:60]!r} does not match its checksum")
