"""A small disk of one's own, to fill.

It is a tmpfs in a private mount namespace: nobody but the processes put `inside` sees it, and it is gone
with the block. An ordinary user may make one where the kernel allows user namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cardoon.testing.faults.processes import CannotInject, only_on_linux

_HOLD = 'mount -t tmpfs -o size="$1",mode=0700 tmpfs "$0" && echo made && exec cat'
_FILLER = "filler"
_CHUNK = b"\0" * 65_536


class SmallDisk:
    """`folder` is where the processes inside find it; they start there. `view` is the way in from outside.

    From outside it is for plain files only: SQLite resolves links, and would end up elsewhere.
    """

    def __init__(self, folder: Path, holder: int) -> None:
        self.folder = folder
        self.view = Path(f"/proc/{holder}/root{folder}")
        user = () if os.geteuid() == 0 else ("-U", "--preserve-credentials")
        enter = ("nsenter", "-t", str(holder), *user, "-m", "--")
        self.inside: tuple[str, ...] = (*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(folder))
        """Words to put before a command that is to run inside."""

    def run(self, command: Sequence[str], seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command inside, to its end."""
        return subprocess.run(
            [*self.inside, *command], capture_output=True, text=True, timeout=seconds, check=False
        )

    def fill(self) -> int:
        """Use up all that is left: how many bytes that was."""
        with (self.view / _FILLER).open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(_CHUNK)
            except OSError:
                return file.tell()

    def free(self) -> None:
        """Give back what `fill` took."""
        (self.view / _FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(size: int) -> Generator[SmallDisk]:
    """A disk of `size` bytes, rounded up to whole pages.

    Raises CannotInject where neither root nor a user namespace may mount.
    """
    only_on_linux("a small disk")
    if missing := [word for word in ("unshare", "nsenter", "mount") if shutil.which(word) is None]:
        raise CannotInject(f"a small disk needs {' and '.join(missing)} (util-linux); install it")
    with tempfile.TemporaryDirectory(prefix="cardoon-disk-") as name:
        folder = Path(name).resolve()
        holder = _hold(folder, size)
        try:
            yield SmallDisk(folder, holder.pid)
        finally:
            holder.kill()
            holder.communicate()


def _hold(folder: Path, size: int) -> subprocess.Popen[str]:
    """A process that keeps the disk: it ends with its standard input, so not later than this one."""
    user = [] if os.geteuid() == 0 else ["-Ur"]
    holder = subprocess.Popen(
        ["unshare", *user, "-m", "sh", "-c", _HOLD, str(folder), str(size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if holder.stdout is not None and holder.stdout.readline() == "made\n":
        return holder
    _, why = holder.communicate()
    raise CannotInject(f"no disk can be mounted here ({why.strip()}); run as root, or allow user namespaces")
