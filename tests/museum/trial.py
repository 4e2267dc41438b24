"""A trial: tests run against a build of Cardoon in processes of their own, and what they say of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from xml.etree import ElementTree

MUSEUM = Path(__file__).parent
ROOT = MUSEUM.parents[1]
_PLUGINS = ("-p", "_hypothesis_pytestplugin", "-p", "no:cacheprovider")
"""No others are loaded, which would take longer than most tests."""

SECONDS = 240.0
"""Far more than any test waits for a fact before it fails by itself."""


def failures(build: Path, tests: Collection[str], folder: Path) -> dict[str, str]:
    """For each test how it failed on this build; the empty text where it passed."""
    of_pytest = [test for test in tests if test.startswith("tests/")]
    of_laws = [test for test in tests if test not in of_pytest]
    return _of_laws(build, of_laws) | _of_pytest(build, of_pytest, folder / "report.xml")


def _of_laws(build: Path, names: Collection[str]) -> dict[str, str]:
    if not names:
        return {}
    done = _run(build, [str(MUSEUM / "try_laws.py"), *names])
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _of_pytest(build: Path, ids: Collection[str], report: Path) -> dict[str, str]:
    if not ids:
        return {}
    done = _run(build, ["-m", "pytest", "-q", *_PLUGINS, f"--junitxml={report}", *ids])
    assert done.returncode in (0, 1), done.stdout + done.stderr
    cases = list(ElementTree.parse(report).iter("testcase"))
    return {id: "\n".join(filter(None, map(_said, _of(id, cases)))) for id in ids}


def _of(id: str, cases: Collection[ElementTree.Element]) -> list[ElementTree.Element]:
    """The cases of this test, of which there are several when it has parameters that the id leaves open."""
    file, _, name = id.partition("::")
    module = file.removesuffix(".py").replace("/", ".")
    found = [c for c in cases if c.get("classname") == module and _is(name, c.get("name", ""))]
    assert found, f"no test {id}"
    return found


def _is(asked: str, name: str) -> bool:
    return name == asked or name.startswith(f"{asked}[")


def _said(case: ElementTree.Element) -> str:
    """How it failed; one that could not begin, or was skipped, has not passed either."""
    return "\n".join(
        f"{child.tag}: {child.text}" for child in case if child.tag in ("failure", "error", "skipped")
    )


def _run(build: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(build), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
    )
