"""Imports go down only: import-linter says so, and would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """The verdict on the package under this folder."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package to do harm to."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(folder: Path, module: str, line: str) -> None:
    file = folder / "src" / "cardoon" / module
    file.write_text(f"{file.read_text()}\n{line}\n")


def test_no_import_goes_up() -> None:
    verdict = lint_imports(ROOT)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize(
    ("module", "line", "upwards"),
    [
        ("model/queue.py", "import cardoon.app", "cardoon.model.queue"),
        ("engines/urls.py", "from cardoon.tasks.task import Task", "cardoon.engines.urls"),
        ("tasks/call.py", "from cardoon.worker.loop import Loop", "cardoon.tasks.call"),
        ("engines/memory/row.py", "import cardoon.engines.sqlite.engine", "cardoon.engines.memory"),
    ],
    ids=["model to app", "engines to tasks", "tasks to worker", "engine to engine"],
)
def test_an_import_that_goes_up_is_reported(copied: Path, module: str, line: str, upwards: str) -> None:
    plant(copied, module, line)
    verdict = lint_imports(copied)
    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    assert upwards in verdict.stdout


def test_a_module_that_stands_on_no_floor_is_reported(copied: Path) -> None:
    (copied / "src" / "cardoon" / "cellar.py").write_text('"""Where nothing should be."""\n')
    verdict = lint_imports(copied)
    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    assert "cellar" in verdict.stdout + verdict.stderr
