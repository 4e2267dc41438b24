"""Each verb is failed at each point at which the world outside can fail it, in each way.

Afterwards the file is as it was before or as it should be after, the same call again does what the
contract says, and nothing is out of reach.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock

from .cases import CASES, Case, verbs
from .house import House
from .outside import INTERRUPTED, KINDS
from .still import StillClock
from .sweep import MakeEngine, Sweep
from .wrong_engines import WRONG

DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture(autouse=True)
def _it_is_the_moment_of_the_house(house: House) -> Iterator[None]:
    with clock.use(StillClock(house.now)):
        yield


def failures(
    case: Case, kind: str, house: House, folder: Path, make: MakeEngine = SqliteEngine
) -> Iterator[str]:
    """What does not hold, a line for each point where it does not."""
    try:
        sweep = Sweep(case, house, folder, make)
    except AssertionError as wrong:
        yield f"{case.name}: with nothing failing: {wrong}"
        return
    for number in sweep.points(kind):
        try:
            sweep.fail(number, kind)
        except AssertionError as wrong:
            points = sweep.reference.points
            where = f"point {number + 1} of {len(points)} ({points[number].what})"
            yield f"{case.name}: {kind} at {where}: {wrong}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_verb_that_fails_leaves_all_or_nothing(
    case: Case, kind: str, house: House, quick_folder: Path
) -> None:
    before = _descriptors()
    if found := [*failures(case, kind, house, quick_folder)]:
        pytest.fail("\n".join(found), pytrace=False)
    # What an interrupt meets between a system call and its caller is lost; nobody can help it.
    if kind != INTERRUPTED:
        assert _descriptors() <= before, "descriptors are left open"


def _descriptors() -> int:
    gc.collect()
    return len([*DESCRIPTORS.iterdir()]) if DESCRIPTORS.is_dir() else 0


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_has_a_case(verb: str) -> None:
    cases = [case for case in CASES if case.verb == verb]
    assert cases, f"{verb} is in the contract and not in tests/faults/cases.py"
    options = {p.name for p in verbs()[verb].parameters.values() if p.kind is p.KEYWORD_ONLY}
    given = {name for case in cases for name in case.options}
    assert options <= given, f"no case of {verb} gives {sorted(options - given)}"


@pytest.mark.parametrize(("make", "name", "kind"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_a_wrong_engine_is_found_out(
    make: MakeEngine, name: str, kind: str, house: House, quick_folder: Path
) -> None:
    (case,) = (case for case in CASES if case.name == name)
    assert next(failures(case, kind, house, quick_folder, make), None)
