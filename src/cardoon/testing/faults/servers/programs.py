"""Where the programs of the servers are on this machine, and who may run them."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from cardoon.testing.faults.processes import CannotInject

_POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
_ORDINARY_USERS = ("postgres", "nobody")


def redis_program(folder: str = "") -> str:
    """The path of a Redis or Valkey server, in this folder if one is given; raises CannotInject for none."""
    for each in [folder] if folder else os.get_exec_path():
        for name in ("redis-server", "valkey-server"):
            if found := shutil.which(name, path=each):
                return found
    raise CannotInject(
        f"there is no redis-server and no valkey-server {_where(folder, 'on the PATH')}; install one of them"
    )


def postgres_programs(folder: str = "") -> tuple[str, str]:
    """The paths of initdb and postgres, in this folder if one is given, else of the newest version.

    Raises CannotInject where there are none.
    """
    for each in [folder] if folder else _postgres_folders():
        found = [shutil.which(name, path=each) for name in ("initdb", "postgres")]
        if found[0] and found[1]:
            return found[0], found[1]
    raise CannotInject(
        f"there is no initdb with its postgres {_where(folder, 'on the PATH nor in /usr/lib/postgresql')}; "
        "install the PostgreSQL server"
    )


def _where(folder: str, usual: str) -> str:
    return f"in {folder}" if folder else usual


def _postgres_folders() -> Iterable[str]:
    yield from os.get_exec_path()
    for pattern in _POSTGRES_FOLDERS:
        yield from sorted(map(str, Path("/").glob(pattern.lstrip("/"))), key=_version, reverse=True)


def _version(folder: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder)]


def version_of(program: str) -> str:
    """What the program of a server says of itself, as in `PostgreSQL 17.4` or `Valkey 8.1.1`."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(PostgreSQL|Redis|Valkey)[^\d]*(\S+)", said)
    return " ".join(found.groups()) if found else said.strip()


def ordinary_user() -> str:
    """Who runs a server that refuses root: empty where this process is not root, and so runs it itself."""
    if os.geteuid() != 0:
        return ""
    for name in _ORDINARY_USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise CannotInject(f"PostgreSQL refuses root, and there is no user {' or '.join(_ORDINARY_USERS)} here")


class Identity(TypedDict, total=False):
    """Who a process is, as `subprocess` takes it."""

    user: str
    group: int
    extra_groups: list[str]


def as_user(name: str) -> Identity:
    """Run a program as this user, and with none of our own rights; an empty name changes nothing."""
    return Identity(user=name, group=pwd.getpwnam(name).pw_gid, extra_groups=[]) if name else Identity()
