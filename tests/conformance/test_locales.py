"""Engines where the users speak another language: the process has the locale of its environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which I is not the capital of i."""
    program, folder = shutil.which("localedef"), tmp_path_factory.mktemp("locales")
    if program is None:
        pytest.skip("there is no localedef here, which makes a locale")
    made = subprocess.run(
        [program, "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")], capture_output=True, check=False
    )
    if made.returncode > 1:  # 1 is a warning
        pytest.skip("the definitions of locales are not installed here")
    environment = {**os.environ, "LOCPATH": str(folder), "LC_ALL": "tr_TR.UTF-8"}
    program = "import locale; print(locale.setlocale(locale.LC_CTYPE))"
    asked = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert asked.strip() == "tr_TR.UTF-8"
    return environment


@pytest.mark.parametrize("group", ["push/", "settle/", "locks/", "schedules/", "limits/"])
def test_laws_are_kept_in_a_turkish_locale(group: str, turkish: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cardoon.testing.conformance", "memory://", "sqlite:///jobs.db"]
    done = subprocess.run(
        [*command, "--only", group], cwd=tmp_path, env=turkish, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
