"""Too little memory, too few descriptors: limits on processes that run already.

`memory_limit` sets RLIMIT_AS: an allocation fails, and Python raises MemoryError. `memory_group` puts
them into a control group: the kernel kills one that needs more, as it does in a container; only root,
or who was given a group to manage, may do that.
"""

from __future__ import annotations

import resource
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from cardoon.model import clock
from cardoon.testing.faults.processes import CannotInject, only_on_linux

_EMPTY_SECONDS = 5.0
_GROUPS = (
    ("memory", "memory.limit_in_bytes"),  # version 1, a hierarchy of its own
    (".", "memory.max"),  # version 2
)
"""Where groups for memory are made, below the mount of all groups, and the file of their limit."""


@contextmanager
def memory_limit(size: int, *pids: int) -> Generator[None]:
    """These processes may have `size` bytes of address space; without a pid, this one."""
    with _limited(resource.RLIMIT_AS, size, pids):
        yield


@contextmanager
def file_limit(count: int, *pids: int) -> Generator[None]:
    """These processes may have `count` open files (RLIMIT_NOFILE); without a pid, this one.

    What is open stays open; to open one more fails with EMFILE.
    """
    with _limited(resource.RLIMIT_NOFILE, count, pids):
        yield


@contextmanager
def _limited(kind: int, value: int, pids: tuple[int, ...]) -> Generator[None]:
    only_on_linux("a limit on another process")
    before = {pid: resource.prlimit(pid, kind) for pid in pids or (0,)}
    try:
        for pid, (_soft, hard) in before.items():
            resource.prlimit(pid, kind, (value, hard))
        yield
    finally:
        for pid, limits in before.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, kind, limits)


@contextmanager
def memory_group(size: int, *pids: int, groups: Path = Path("/sys/fs/cgroup")) -> Generator[Path]:
    """These processes, and what they start, may have `size` bytes together, or the kernel kills one.

    Gives the folder of the group. At the end of the block those that live on go back where they were.
    Raises CannotInject where no group can be made.
    """
    only_on_linux("a control group")
    group, limit = _new_group(groups)
    homes: dict[int, Path] = {}
    try:
        homes |= {pid: _home(groups, group, pid) for pid in pids}
        (group / limit).write_text(str(size))
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield group
    finally:
        _empty(group, homes)


def _new_group(groups: Path) -> tuple[Path, str]:
    name = f"cardoon-{clock.new_id()}"
    why = f"there is no memory controller below {groups}"
    for hierarchy, limit in _GROUPS:
        group = groups / hierarchy / name
        try:
            group.mkdir()
        except OSError as error:
            why = f"{group.parent}: {error.strerror}"
            continue
        if (group / limit).exists():
            return group, limit
        group.rmdir()
    raise CannotInject(f"no control group for memory can be made ({why}); run as root, or use memory_limit")


def _home(groups: Path, group: Path, pid: int) -> Path:
    """The group that a process is in now, in the hierarchy of `group`."""
    version_1 = group.parent.name == "memory"
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        if ("memory" in controllers.split(",")) if version_1 else controllers == "":
            return group.parent / path.lstrip("/")
    return groups


def _empty(group: Path, homes: dict[int, Path]) -> None:
    """Move out what lives, and remove the group as soon as the kernel has let go of the dead."""
    deadline = clock.monotonic() + _EMPTY_SECONDS
    while True:
        for pid in (group / "cgroup.procs").read_text().split():
            home = homes.get(int(pid)) or next(iter(homes.values()))
            with suppress(OSError):  # it died meanwhile
                (home / "cgroup.procs").write_text(pid)
        try:
            return group.rmdir()
        except OSError:
            if clock.monotonic() > deadline:
                raise
            clock.sleep(0.01)
