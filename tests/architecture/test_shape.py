"""The shape of the code: short functions, short files, nothing left for later."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
WRITTEN = [
    *SOURCE,
    *TESTS,
    *sorted((ROOT / "benchmarks").rglob("*.py")),
    *sorted((ROOT / "examples").rglob("*.py")),
]

MEDIAN, MEAN, LONG, LONG_SHARE, FILE_LINES = 5, 9.0, 50, 0.02, 500

# Written apart, so that this file does not hold what it looks for.
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
MACHINE = re.compile(r"""["'\s(=](/wo""" r"""rk|/ro""" r"""ot|/ho""" r"""me|/Us""" r"""ers|/t""" r"""mp)/""")


BODIES = ROOT / "tests" / "journeys" / "tasks"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[tuple[str, Function]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, Function):
            yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", node


def lines(node: Function) -> int:
    """From `def` to the end, without the docstring."""
    first = node.body[0]
    documented = ast.get_docstring(node, clean=False) is not None
    return _span(node) - (_span(first) if documented else 0)


def _span(node: Function | ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.fixture(scope="module")
def lengths() -> dict[str, int]:
    return {name: lines(node) for file in SOURCE for name, node in functions(file)}


def test_half_of_the_functions_are_very_short(lengths: dict[str, int]) -> None:
    assert statistics.median(lengths.values()) <= MEDIAN


def test_functions_are_short_on_average(lengths: dict[str, int]) -> None:
    assert statistics.mean(lengths.values()) < MEAN


def test_hardly_any_function_is_long(lengths: dict[str, int]) -> None:
    long = {name: length for name, length in lengths.items() if length > LONG}
    assert len(long) <= LONG_SHARE * len(lengths), long


def test_no_file_is_long() -> None:
    counts = {str(file.relative_to(ROOT)): file.read_text("utf-8").count("\n") for file in SOURCE}
    assert {name: count for name, count in counts.items() if count > FILE_LINES} == {}


def found(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{number}"
        for file in files
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_is_left_for_later() -> None:
    assert found(LATER, WRITTEN) == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert found(MACHINE, WRITTEN) == []


def test_tests_sleep_only_between_two_looks_at_a_fact() -> None:
    """That is, in a function called `until`; the bodies of tasks that must be long are no tests."""
    sleepers = {
        name
        for file in TESTS
        for name, node in functions(file)
        if name.rpartition(" ")[2] != "until" and file.parent != BODIES and sleeps(node)
    }
    assert sleepers == set()


def sleeps(node: Function) -> bool:
    calls = (found.func for found in ast.walk(node) if isinstance(found, ast.Call))
    return any(isinstance(call, ast.Attribute) and ast.unparse(call) == "time.sleep" for call in calls)


@pytest.mark.parametrize("name", ["utils", "helpers", "base", "common", "misc"])
def test_no_file_is_a_drawer_for_everything(name: str) -> None:
    assert [str(file.relative_to(ROOT)) for file in WRITTEN if file.stem == name] == []
