"""Processes as the kernel tells of them, and the signals that end, stop and continue them."""

from __future__ import annotations

import os
import signal
import sys
from collections import defaultdict
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from cardoon.model import clock
from cardoon.model.errors import CardoonError

_DEAD = "ZX"
"""Gone but for its exit code, which somebody may still ask for."""


class CannotInject(CardoonError):
    """The machine cannot inject the fault; the message says what is missing."""


def only_on_linux(fault: str) -> None:
    """Raises CannotInject anywhere else: signals are, but /proc and most limits are not, everywhere."""
    if not sys.platform.startswith("linux"):
        raise CannotInject(f"{fault} needs Linux, this is {sys.platform}; skip the test here")


def lives(pid: int) -> bool:
    """Whether a process runs or is stopped: neither gone nor waiting to be buried."""
    fields = _stat(pid)
    return fields is not None and fields[0] not in _DEAD


def children_of(pid: int) -> list[int]:
    """The living processes that this one started, oldest first."""
    return _parents().get(pid, [])


def family_of(pid: int) -> list[int]:
    """The process and all below it, parents first."""
    parents, family = _parents(), [pid]
    for member in family:
        family += parents.get(member, [])
    return family


def _parents() -> dict[int, list[int]]:
    """The living children of each process, from one look at all of them."""
    only_on_linux("looking at processes")
    found: dict[int, list[int]] = defaultdict(list)
    for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        fields = _stat(pid)
        if fields is not None and fields[0] not in _DEAD:
            found[int(fields[1])].append(pid)
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: state, parent and so on (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def kill(*pids: int) -> None:
    """SIGKILL to each; those that are gone already are passed over."""
    _send(pids, signal.SIGKILL)


def stop(*pids: int) -> None:
    """SIGSTOP to each: it stands still, with all that it holds, until it is continued or killed."""
    _send(pids, signal.SIGSTOP)


def go_on(*pids: int) -> None:
    """SIGCONT to each."""
    _send(pids, signal.SIGCONT)


@contextmanager
def stopped(*pids: int) -> Generator[None]:
    """They stand still inside the block."""
    stop(*pids)
    try:
        yield
    finally:
        go_on(*pids)


def stop_for(seconds: float, *pids: int) -> None:
    """They stand still for so long; returns when they go on."""
    with stopped(*pids):
        clock.sleep(seconds)


def _send(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
