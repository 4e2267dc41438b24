"""The programs in `examples/` do what their texts say, started as their readers would start them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

Until = Callable[..., object]

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 60


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the examples: they keep their jobs where they are run."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("*.db*")))


@contextmanager
def worker(app: str, folder: Path) -> Iterator[None]:
    """`cardoon worker APP -p 2` in this folder; it must end well when it is told to."""
    command = [sys.executable, "-m", "cardoon", "worker", app, "-p", "2"]
    with (folder / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield
        process.terminate()
        assert process.wait(SECONDS) == 0, (folder / "worker.log").read_text()
    finally:
        process.kill()
        process.wait()


def run(folder: Path, *words: str) -> str:
    """What a program prints that runs beside the worker."""
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=True, timeout=SECONDS
    ).stdout


def loaded(file: Path) -> Any:
    spec = spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def count_files() -> Iterator[Any]:
    module = loaded(EXAMPLES / "count_files.py")
    yield module
    del sys.modules["count_files"]


def test_the_quickstart_gets_its_result(place: Path) -> None:
    folder = place / "quickstart"
    with worker("tasks:app", folder):
        assert run(folder, "tasks.py") == "cat-300.jpg\n"


def test_the_quickstart_has_twelve_lines_of_code_at_most() -> None:
    text = (EXAMPLES / "quickstart" / "tasks.py").read_text()
    code = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith('"""')]
    assert len(code) <= 12


def test_counting_files_by_hand_prints_the_totals(place: Path) -> None:
    files = place / "files"
    files.mkdir()
    for number in range(60):
        (files / f"m{number}.py").write_text("class C:\n    def f(self): ...\n\n\nasync def g(): ...\n")
    (files / "broken.py").write_text("def (\n")
    with worker("count_files:app", place):
        printed = run(place, "count_files.py", "files")
    assert printed == "61 of 61 files were counted\n301 lines\n120 functions\n60 classes\n"


def test_a_task_is_still_a_function(count_files: Any, tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_bytes(b"async def f():\n    lambda: 1\n    class C:\n        def g(self): ...\n    match 1:\n"
                     b"        case 1:\n            def h(): ...\n# the end")  # fmt: skip
    counted = count_files.count(str(file))
    assert (counted.lines, counted.words) == (7, 20)
    assert (counted.functions, counted.classes) == (3, 1)


@pytest.mark.parametrize("source", [b"def half(:\n", b"x\0y", b"# coding: nonsense\n", b"(" * 100_000])
def test_what_does_not_parse_is_counted_without_definitions(
    count_files: Any, tmp_path: Path, source: bytes
) -> None:
    file = tmp_path / "odd.py"
    file.write_bytes(source)
    counted = count_files.count(str(file))
    assert counted.lines == source.count(b"\n")
    assert (counted.functions, counted.classes) == (None, None)


def test_lines_and_words_are_those_of_wc(count_files: Any, tmp_path: Path) -> None:
    file = tmp_path / "text"
    for text in (
        b"",
        b"\n",
        b"a",
        b" a\tb\r\nc\x0b\x0cd\n\n",
        bytes(range(256)) * 9,
    ):
        file.write_bytes(text)
        answer = subprocess.run(
            ["wc", "-l", str(file)], capture_output=True, check=True, env={**os.environ, "LC_ALL": "C"}
        )
        counted = count_files.count(str(file))
        assert counted.lines == int(answer.stdout.split()[0])
        assert counted.words == len(re.findall(rb"[^ \t\n\r\x0b\x0c]+", text))


def test_the_page_names_every_example() -> None:
    page = (EXAMPLES / "README.md").read_text()
    for file in EXAMPLES.rglob("*.py"):
        assert f"]({file.relative_to(EXAMPLES)})" in page
