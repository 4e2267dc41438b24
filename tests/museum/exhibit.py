"""An exhibit: a patch that makes a wrong build, and the tests that must notice, as its first lines say.

    Wrong: what the build does
    Whose: who had this bug, with the number of its issue where there is one
    Caught by: `ENGINE LAW`, or the id of a test for pytest
    Says: words of the failure, which show that it was caught for the right reason

The rest is what `diff -U1 a/cardoon/FILE b/cardoon/FILE` says, with `a` the `src` folder of today.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

MUSEUM = Path(__file__).parent


@dataclass(frozen=True)
class Exhibit:
    """`caught_by` has the words of the failure for each test."""

    file: Path
    wrong: str
    whose: str
    caught_by: dict[str, str]

    @property
    def name(self) -> str:
        return self.file.stem

    def build(self, source: Path, place: Path) -> Path:
        """A copy of the source in this place, with the patch applied."""
        shutil.copytree(source, place)
        applied = subprocess.run(
            ["git", "apply", str(self.file)],
            cwd=place,
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(place.parent)},
            capture_output=True,
            text=True,
        )
        assert applied.returncode == 0, (
            f"{self.file.name} no longer applies to src/: make the same mistake in the code of today, and "
            f"write it down anew with `diff -U1`\n{applied.stderr}"
        )
        return place


def exhibits() -> list[Exhibit]:
    return [_read(file) for file in sorted(MUSEUM.glob("*.patch"))]


def _read(file: Path) -> Exhibit:
    head = file.read_text().partition("\n\n")[0].splitlines()
    lines = [tuple(line.split(": ", 1)) for line in head]
    assert [word for word, _ in lines[:2]] == ["Wrong", "Whose"], file
    words = [text for word, text in lines if word == "Says"]
    tests = [text for word, text in lines if word == "Caught by"]
    return Exhibit(file, lines[0][1], lines[1][1], dict(zip(tests, words, strict=True)))
