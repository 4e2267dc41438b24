"""The types that users see, as both checkers see them. Each checker runs once for all of this."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACCEPTED, REFUSED = HERE / "accepted.py", HERE / "refused.py"

Findings = dict[Path, dict[int, str]]
"""File -> line -> what was said of it."""
Checker = Callable[[], Findings]


@cache
def mypy() -> Findings:
    said = _output(sys.executable, "-m", "mypy", "--strict", "--output=json", str(ACCEPTED), str(REFUSED))
    found: Findings = {}
    for line in said.splitlines():
        one = json.loads(line)
        if one["severity"] == "error":
            found.setdefault((ROOT / one["file"]).resolve(), {})[one["line"]] = one["message"]
    return found


@cache
def basedpyright() -> Findings:
    program = Path(sys.executable).with_name("basedpyright")
    said = _output(str(program), "--outputjson", "--pythonpath", sys.executable, str(ACCEPTED), str(REFUSED))
    found: Findings = {}
    for one in json.loads(said)["generalDiagnostics"]:
        line = one["range"]["start"]["line"] + 1
        found.setdefault(Path(one["file"]).resolve(), {})[line] = one["message"]
    return found


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


CHECKERS = pytest.mark.parametrize("checker", [mypy, basedpyright], ids=["mypy", "basedpyright"])


@CHECKERS
def test_right_uses_are_accepted(checker: Checker) -> None:
    assert checker().get(ACCEPTED, {}) == {}


@CHECKERS
def test_exactly_the_wrong_uses_are_refused(checker: Checker) -> None:
    found = checker().get(REFUSED, {})
    wrong = {n for n, line in enumerate(REFUSED.read_text().splitlines(), 1) if "# wrong: " in line}
    assert len(wrong) > 30
    assert wrong - found.keys() == set(), "not noticed"
    assert {n: said for n, said in found.items() if n not in wrong} == {}, "noticed without reason"
