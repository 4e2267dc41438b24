"""An environment for each peer below `.venv-peers`: their pins exclude each other."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.peers.registry import System
from benchmarks.place import ROOT

FOLDER = ROOT / ".venv-peers"
INSTALL_SECONDS = 600.0


def interpreter(system: System) -> Path:
    """What runs the adapter of this system; it need not be there."""
    return Path(sys.executable) if system.ours else FOLDER / system.environment / "bin" / "python"


def missing(system: System) -> str:
    """Why it cannot run here; empty if it can."""
    if interpreter(system).exists():
        note = _note(system)
        return note.read_text("utf-8") if note.exists() else ""
    return "it was not installed: make bench-peers"


def install(systems: Iterable[System]) -> Iterator[tuple[str, str]]:
    """Install those that are not there yet, the newest release of each: name, and why it failed if it did."""
    wanted = {system.environment: system for system in systems if not system.ours}
    for name, system in wanted.items():
        if missing(system):
            yield name, _installed(system)


def _installed(system: System) -> str:
    try:
        _make(system)
        _run(str(interpreter(system)), "-m", "pip", "install", "--quiet", *system.packages)
    except (subprocess.SubprocessError, OSError) as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()
        why = f"it could not be installed: {said[-1] if said else error}"
        (FOLDER / system.environment).mkdir(parents=True, exist_ok=True)
        _note(system).write_text(why)
        return why
    _note(system).unlink(missing_ok=True)
    return ""


def _make(system: System) -> None:
    folder = FOLDER / system.environment
    if system.python:
        _run(_python(system.python), "-m", "venv", str(folder))
    else:
        venv.create(folder, with_pip=True)


def _note(system: System) -> Path:
    """Where it is written why an environment is of no use."""
    return FOLDER / system.environment / "failed.txt"


def _python(least: str) -> str:
    """An interpreter of at least this version: on the path, or installed beside ours."""
    beside = sorted(Path(sys.base_prefix).parent.glob(f"{least}*/bin/python3"))
    for candidate in (*map(str, beside), shutil.which(f"python{least}")):
        if candidate and _answers(candidate):
            return candidate
    raise OSError(f"there is no Python {least} here")


def _answers(program: str) -> bool:
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


def _run(*words: str) -> None:
    subprocess.run(words, capture_output=True, text=True, check=True, timeout=INSTALL_SECONDS)
