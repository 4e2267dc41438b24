"""The walk of one job, traced, within its budget and as docs/architecture.md tells it.

After a change: `python -m tests.architecture.test_walk --write` (without `--write` it prints the walks).
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import pytest
from tests.architecture.walk import Walk, walks

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
BUDGETS = {"send": (12, 7), "run": (30, 11)}
"""For each walk the functions and the files that it may have at most."""

_EMPTY = "# Architecture\n\n## Sending a job\n\n{send}\n\n## Running a job\n\n{run}\n"


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Walk]:
    return _traced(tmp_path_factory.mktemp("walk"))


def _traced(folder: Path) -> dict[str, Walk]:
    send, run = walks(f"sqlite:///{folder / 'jobs.db'}")
    return {"send": send, "run": run}


@pytest.mark.parametrize("name", BUDGETS)
def test_the_walk_is_short(name: str, traced: dict[str, Walk]) -> None:
    functions, files = BUDGETS[name]
    walk = traced[name]
    if len(walk) > functions or len({step.file for step in walk}) > files:
        pytest.fail(f"more than {functions} functions in {files} files: {_told(walk)}", pytrace=False)


@pytest.mark.parametrize("name", BUDGETS)
def test_the_page_tells_the_walk_as_it_is(name: str, traced: dict[str, Walk]) -> None:
    if _section(name, traced[name]) not in PAGE.read_text("utf-8"):
        pytest.fail("run python -m tests.architecture.test_walk --write", pytrace=False)


@pytest.mark.parametrize("name", BUDGETS)
def test_every_walk_passes_the_door_and_the_engine(name: str, traced: dict[str, Walk]) -> None:
    files = {step.file for step in traced[name]}
    heart = {"send": "app.py", "run": "worker/execution.py"}
    assert {heart[name], "engines/sqlite/broker.py"} <= files


def _told(walk: Walk) -> str:
    """A numbered list, with how many functions in how many files."""
    lines = [f"{n}. `{step.file}`: `{step.function}`" for n, step in enumerate(walk, 1)]
    steps = f"{len(walk)} functions in {len({s.file for s in walk})} files"
    every = f"{len(walk.all)} in {len({s.file for s in walk.all})}"
    return "\n".join(
        [f"{steps} (to the last accessor, with the inside of SQLite's verbs: {every}):", "", *lines]
    )


def _section(name: str, walk: Walk) -> str:
    return f"<!-- walk:{name} -->\n{_told(walk)}\n<!-- /walk -->"


def _written(page: str, name: str, walk: Walk) -> str:
    """The page with this walk between its markers."""
    marked = re.compile(rf"<!-- walk:{name} -->.*?<!-- /walk -->", re.DOTALL)
    return marked.sub(lambda _: _section(name, walk), page)


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        traced = _traced(Path(folder))
    if words != ["--write"]:
        print("\n\n".join(_section(name, walk) for name, walk in traced.items()))
        return
    empty = _EMPTY.format(**{name: _section(name, Walk()) for name in BUDGETS})
    page = PAGE.read_text("utf-8") if PAGE.exists() else empty
    for name, walk in traced.items():
        page = _written(page, name, walk)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
