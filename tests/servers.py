"""The servers that tests need: those that are given, else private ones, of programs found or installed here.

`CARDOON_TEST_POSTGRES_URL` and `CARDOON_TEST_REDIS_URL` give servers. A room whose server is to be had
nowhere is skipped in one line; with `CI` set that is a failure.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cardoon.testing import faults

KINDS: dict[str, type[faults.Server]] = {"postgres": faults.PostgresServer, "redis": faults.RedisServer}
PACKAGES = {"postgres": ("postgresql-common", "postgresql"), "redis": ("redis-server",)}
"""Each in a step of its own, so that what the first brings can be told what the next shall not do."""

INSTALL_SECONDS = 600.0
TURN = Path(tempfile.gettempdir()) / "cardoon-tests-install"
POLICY = Path("/usr/sbin/policy-rc.d")
CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
LISTS = Path("/var/lib/apt/lists")


def private(kind: str, **how: Any) -> faults.Server:
    """A server of this kind that is not started yet; a test that cannot have it is skipped."""
    why = missing(kind)
    if why and os.environ.get("CI"):
        pytest.fail(f"{why} (with CI set nothing is skipped)", pytrace=False)
    if why:
        pytest.skip(why)
    return KINDS[kind](**how)


def given(kind: str) -> str:
    """The URL of the server of this kind that we were given; empty for none."""
    return os.environ.get(f"CARDOON_TEST_{kind.upper()}_URL", "")


@contextmanager
def url_of(kind: str, *, is_shared: bool = True) -> Iterator[str]:
    """The URL of a server of this kind: the one that we were given, else a private one.

    One that is not shared may be killed by laws.
    """
    if url := given(kind):
        yield url
        return
    with private(kind) as server:
        server.is_shared = is_shared
        _staying.add(str(server.folder))
        yield server.url


_staying: set[str] = set()


def stays(command: str) -> bool:
    """Whether this command line is of a server that outlives the test which was the first to need it."""
    return any(folder in command for folder in _staying)


@cache
def missing(kind: str) -> str:
    """Why there is no server of this kind, after all was tried; empty when there is one.

    Of the processes that run tests side by side one installs, and the others wait for it.
    """
    with TURN.open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            KINDS[kind]()
        except faults.CannotInject as error:
            return _installed(kind) or _missing_still(kind, str(error))
    return ""


def _missing_still(kind: str, why: str) -> str:
    if not _may_install():
        return f"no {kind} here: {why}, or set CARDOON_TEST_{kind.upper()}_URL"
    try:
        KINDS[kind]()
    except faults.CannotInject as error:
        return f"no {kind} here, even after installing it: {error}"
    return ""


# -- installing, as root on Debian and Ubuntu


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _installed(kind: str) -> str:
    """Get the programs if we may: why that failed."""
    if not _may_install():
        return ""
    try:
        with _no_service_starts():
            if not any(LISTS.glob("*Packages*")):
                _apt("update")
            for package in PACKAGES[kind]:
                with _no_cluster_is_made():
                    _apt("install", "--yes", "--no-install-recommends", package)
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        return f"no {kind} here, and apt-get could not install it: {str(said).strip().splitlines()[-1]}"
    return ""


def _apt(*words: str) -> None:
    subprocess.run(
        ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *words],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=True,
    )


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Packages start their services unless this program says no; one that is there already has its say."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


@contextmanager
def _no_cluster_is_made() -> Iterator[None]:
    """PostgreSQL's package makes a cluster of its own unless its configuration says no."""
    if not CLUSTERS.exists():
        yield
        return
    before = CLUSTERS.read_text()
    CLUSTERS.write_text(f"{before}\ncreate_main_cluster = false\n")
    try:
        yield
    finally:
        CLUSTERS.write_text(before)
