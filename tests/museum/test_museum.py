"""The museum of wrong builds: each has a bug that somebody had, and our tests notice it.

A test of a test: what cannot fail proves nothing (reliability T10).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from exhibit import Exhibit, exhibits
from trial import ROOT, failures

EXHIBITS = exhibits()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source as it is now, whatever is done to it meanwhile."""
    return Path(shutil.copytree(ROOT / "src", tmp_path_factory.mktemp("source") / "src"))


@pytest.fixture(scope="module")
def sound(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each named test says of the source itself."""
    named = {test: None for exhibit in EXHIBITS for test in exhibit.caught_by}
    return failures(source, named, tmp_path_factory.mktemp("sound"))


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=[exhibit.name for exhibit in EXHIBITS])
def test_a_wrong_build_is_caught(
    exhibit: Exhibit, source: Path, sound: dict[str, str], tmp_path: Path
) -> None:
    found = failures(exhibit.build(source, tmp_path / "src"), exhibit.caught_by, tmp_path)
    for test, words in exhibit.caught_by.items():
        assert sound[test] == "", f"{test} fails on the sound build too"
        assert found[test], f"{test} did not notice: {exhibit.wrong}"
        assert words in found[test], f"{test} noticed something else than {words!r}:\n{found[test]}"


def test_the_museum_has_forty_exhibits_each_with_its_origin() -> None:
    assert len(EXHIBITS) >= 40
    assert all(exhibit.whose and exhibit.caught_by for exhibit in EXHIBITS)
