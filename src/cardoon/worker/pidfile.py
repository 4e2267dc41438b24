"""A file with the process id of a worker, for init scripts; gone when the worker has ended."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from cardoon.engines import silence
from cardoon.model.errors import ConfigurationError


@contextmanager
def pidfile(path: str | None) -> Generator[None]:
    """Hold it inside the block; None is none. Raises ConfigurationError when a living process holds it."""
    if path is None:
        yield
        return
    file = Path(path)
    _check_free(file)
    try:
        file.write_text(f"{os.getpid()}\n")
    except OSError as error:
        raise ConfigurationError(f"the pidfile {path} cannot be written: {error}") from error
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:  # not what was forked inside
            with suppress(OSError):
                file.unlink()


def _check_free(file: Path) -> None:
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return
    if pid != os.getpid() and silence.process_start(pid):
        raise ConfigurationError(f"{file} belongs to living process {pid}; stop it or name another file")
