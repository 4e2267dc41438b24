"""The parent of a private server: whatever ends the process that asked for it, the server goes too.

Run by its path, and quickly started, so it imports nothing of Cardoon. Its lines are JSON: to a command it
answers with the pid of the server that it started, to `null` with the exit code of the one that it ended.
When nobody is there to talk to any more, it ends the server and removes its folder.
"""

from __future__ import annotations

import ctypes
import json
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main(folder: str, user: str) -> None:
    """Keep one server at a time in `folder`, as `user` unless that is empty."""
    server: subprocess.Popen[bytes] | None = None
    try:
        for line in sys.stdin:
            command = json.loads(line)
            code = _end(server)
            server = None if command is None else _start(command, folder, user)
            print(code if server is None else server.pid, flush=True)  # noqa: T201
    finally:
        _end(server)
        shutil.rmtree(folder, ignore_errors=True)


def _start(command: list[str], folder: str, user: str) -> subprocess.Popen[bytes]:
    with (Path(folder) / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_parent,
            user=user or None,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )


def _end_with_parent() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(server: subprocess.Popen[bytes] | None) -> int:
    if server is None:
        return 0
    server.kill()
    return server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
