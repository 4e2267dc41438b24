"""A disk whose power can be cut: it knows what was written, in which order, and what it had to keep.

`Recorder` is a VFS of apsw: SQLite writes through it into real files, and each write and sync is
written down. `Platter` plays the record again, as far as one likes, and then says what may be found
after the power went: whatever was synced, and of the rest any sectors in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import apsw

SECTOR = 512
JOURNALS = ("-journal", "-wal")

Versions = list[tuple[int, bytes]]

Step = tuple[str, tuple[Any, ...]]
Trouble = Callable[[str, str], int]
"""What becomes of an operation on a file: 0, or the SQLite error that it ends with."""


class Recorder(apsw.VFS):
    """Hands everything on to the real file system, and writes it down in `steps`.

    A sync is only written down: what this disk keeps is decided by `Platter`. `trouble` is asked
    before each write, sync and truncation.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: list[Step] = []
        self.trouble: Trouble = no_trouble
        self._inodes: dict[str, int] = {}
        self._made = 0
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> RecordedFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return RecordedFile(self, name, flags, Path(path).name)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        short = Path(filename).name
        self._inodes.pop(short, None)
        self.record("remove", short)
        if syncdir:
            self.record("sync_folder")

    def inode(self, name: str) -> int:
        """The number of the file of this name; a fresh one when it is new."""
        if name not in self._inodes:
            self._made += 1
            self._inodes[name] = self._made
            self.record("create", name, self._made)
        return self._inodes[name]

    def record(self, step: str, *what: object) -> None:
        """Write down a step of `Platter`."""
        self.steps.append((step, what))

    def may(self, operation: str, name: str) -> None:
        """Ask `trouble`; raises what SQLite is to hear."""
        code = self.trouble(operation, name)
        if code:
            raise apsw.exception_for(code)


class RecordedFile(apsw.VFSFile):
    """One open file; the first sync of a new journal keeps its folder too, as SQLite's own VFS does."""

    def __init__(
        self, disk: Recorder, name: str | apsw.URIFilename | None, flags: list[int], short: str
    ) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._name = short
        self._inode = disk.inode(short)
        self._owes_folder = short.endswith(JOURNALS)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.may("write", self._name)
        super().xWrite(data, offset)
        self._disk.record("write", self._inode, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:
        self._disk.may("truncate", self._name)
        super().xTruncate(newsize)
        self._disk.record("truncate", self._inode, newsize)

    def xSync(self, flags: int) -> None:
        try:
            self._disk.may("sync", self._name)
        except apsw.Error:
            self._disk.record("fail_to_sync", self._inode)
            raise
        self._disk.record("sync", self._inode)
        if self._owes_folder:
            self._disk.record("sync_folder")
            self._owes_folder = False


def no_trouble(_operation: str, _name: str) -> int:
    """All goes well."""
    return 0


@dataclass
class Inode:
    """A file as the operating system has it, and what of it is not on the disk yet."""

    content: bytearray = field(default_factory=bytearray)
    kept: int = 0
    """How long the file is on the disk."""
    sectors: dict[int, Versions] = field(default_factory=dict)
    """For each sector that was touched since the last sync: (when, what it held), the kept one first."""
    given_up: dict[int, Versions] = field(default_factory=dict)
    """The same for sectors that a failed sync left behind: read as written, but not written any more."""

    def write(self, when: int, offset: int, data: bytes) -> None:
        with self._touching(when, offset, offset + len(data)):
            if len(self.content) < offset:
                self.content.extend(bytes(offset - len(self.content)))
            self.content[offset : offset + len(data)] = data

    def truncate(self, when: int, size: int) -> None:
        if size < len(self.content):
            with self._touching(when, size, len(self.content)):
                del self.content[size:]

    @contextmanager
    def _touching(self, when: int, start: int, stop: int) -> Generator[None]:
        touched = range(start // SECTOR, (stop - 1) // SECTOR + 1)
        for number in touched:
            if number not in self.sectors:
                self.sectors[number] = self.given_up.pop(number, [(0, self._sector(number))])
        yield
        for number in touched:
            self.sectors[number].append((when, self._sector(number)))

    def _sector(self, number: int) -> bytes:
        return bytes(self.content[number * SECTOR : (number + 1) * SECTOR])

    def sync(self) -> None:
        self.sectors.clear()
        self.kept = len(self.content)

    def fail_to_sync(self) -> None:
        """As Linux does: what could not be written is given up, and the next sync says nothing of it."""
        self.given_up.update(self.sectors)
        self.sectors.clear()

    def found(self, chance: Random) -> bytes:
        """What may be read after the power went."""
        manner = MANNERS[chance.randrange(len(MANNERS))]
        choose = manner(chance, self._last())
        open_ends = {**self.given_up, **self.sectors}
        chosen = {number: choose(versions) for number, versions in open_ends.items()}
        size = self._size(chosen, chance)
        image = bytearray(self.content[:size])
        image.extend(bytes(size - len(image)))
        for number, version in chosen.items():
            self._put(image, number, version, chance)
        return bytes(image[:size])

    def _last(self) -> int:
        return max((versions[-1][0] for versions in self.sectors.values()), default=0)

    def _size(self, chosen: dict[int, tuple[int, bytes]], chance: Random) -> int:
        written = [n * SECTOR + len(data) for n, (when, data) in chosen.items() if when]
        needed = max([self.kept, *written]) if self.kept <= len(self.content) else self.kept
        # A file may grow on the disk before what belongs into it has arrived there.
        return max(needed, len(self.content)) if chance.random() < 0.3 else needed

    def _put(self, image: bytearray, number: int, version: tuple[int, bytes], chance: Random) -> None:
        when, data = version
        start = number * SECTOR
        room = max(0, min(SECTOR, len(image) - start))
        if not when and len(data) < room:
            data += bytes(room) if chance.random() < 0.5 else chance.randbytes(room)
        image[start : start + room] = data[:room].ljust(room, b"\0")


Choose = Callable[[Versions], tuple[int, bytes]]


def _nothing_arrived(_chance: Random, _last: int) -> Choose:
    return lambda versions: versions[0]


def _all_arrived(_chance: Random, _last: int) -> Choose:
    return lambda versions: versions[-1]


def _any_sectors_arrived(chance: Random, _last: int) -> Choose:
    return chance.choice


def _few_sectors_arrived(chance: Random, _last: int) -> Choose:
    return lambda versions: versions[-1] if chance.random() < 0.1 else versions[0]


def _few_sectors_are_missing(chance: Random, _last: int) -> Choose:
    return lambda versions: versions[0] if chance.random() < 0.1 else versions[-1]


def _in_order_up_to_a_moment(chance: Random, last: int) -> Choose:
    until = chance.randint(0, last)
    return lambda versions: [v for v in versions if v[0] <= until][-1]


def _only_what_came_last(chance: Random, last: int) -> Choose:
    since = chance.randint(0, last)
    return lambda versions: versions[-1] if versions[-1][0] >= since else versions[0]


MANNERS: tuple[Callable[[Random, int], Choose], ...] = (
    _nothing_arrived,
    _all_arrived,
    _any_sectors_arrived,
    _few_sectors_arrived,
    _few_sectors_are_missing,
    _in_order_up_to_a_moment,
    _only_what_came_last,
)


class Platter:
    """Plays steps, and says what may be on the disk between two of them.

    With `honest=False` it forgets what a sync is: a disk that says it has kept what it has not.
    """

    def __init__(self, *, honest: bool = True) -> None:
        self.honest = honest
        self.inodes: dict[int, Inode] = {}
        self.kept_names: dict[str, int] = {}
        self.renamings: list[tuple[str, int | None]] = []
        self._now = 0

    def play(self, step: Step) -> None:
        """Do one step."""
        name, what = step
        self._now += 1
        getattr(self, f"_{name}")(*what)

    def found(self, chance: Random) -> dict[str, bytes]:
        """The files that may be found when the power goes now."""
        names = dict(self.kept_names)
        for name, inode in self.renamings[: chance.randint(0, len(self.renamings))]:
            _rename(names, name, inode)
        return {name: self.inodes[inode].found(chance) for name, inode in names.items()}

    def _create(self, name: str, inode: int) -> None:
        self.inodes[inode] = Inode()
        self.renamings.append((name, inode))

    def _remove(self, name: str) -> None:
        self.renamings.append((name, None))

    def _write(self, inode: int, offset: int, data: bytes) -> None:
        self.inodes[inode].write(self._now, offset, data)

    def _truncate(self, inode: int, size: int) -> None:
        self.inodes[inode].truncate(self._now, size)

    def _sync(self, inode: int) -> None:
        if self.honest:
            self.inodes[inode].sync()

    def _fail_to_sync(self, inode: int) -> None:
        self.inodes[inode].fail_to_sync()

    def _sync_folder(self) -> None:
        if self.honest:
            for name, inode in self.renamings:
                _rename(self.kept_names, name, inode)
            self.renamings.clear()


def _rename(names: dict[str, int], name: str, inode: int | None) -> None:
    names.pop(name, None)
    if inode is not None:
        names[name] = inode
