"""The scripts are put together rightly, and `KEYS.md` knows every key that they touch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cardoon.engines.redis import engine, scripts
from cardoon.engines.redis.records import CODES
from cardoon.model.states import FINAL, State

FOLDER = Path(engine.__file__).parent
FILES = sorted((FOLDER / "lua").glob("*.lua"))
PARTS = {
    part
    for file in FILES
    for part in re.findall(r"^-- with: (.*)", file.read_text())
    for part in part.split()
}
VERBS = sorted({file.stem for file in FILES} - PARTS - {"names"})
CALLED = set(
    re.findall(
        r'(?:run|send)\(\s*"(\w+)"|return "(push\w*)"|script\("(\w+)"\)',
        "".join(file.read_text() for file in FOLDER.glob("*.py")),
    )
)


def test_each_script_is_called_and_each_that_is_called_is_there() -> None:
    assert {name for names in CALLED for name in names if name} == set(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_a_script_says_what_it_takes_and_no_name_of_a_number_is_left(name: str) -> None:
    head = (FOLDER / "lua" / f"{name}.lua").read_text().split("\n\n")[0]
    assert "ARGV: shift" in head
    text = scripts.script(name).text.decode()
    plain = re.sub(r"'[^']*'|--[^\n]*|redis\.[A-Z_]+", "", text)
    left = set(re.findall(r"\b[A-Z][A-Z_]{2,}\b", plain)) - {"KEYS", "ARGV"}
    assert not left


@pytest.mark.parametrize(
    "kind", sorted({k for f in FILES for k in re.findall(r"base \.\. '(:[\w-]+)", f.read_text())})
)
def test_each_kind_of_key_is_explained(kind: str) -> None:
    assert re.search(rf"`{kind}[:`]", (FOLDER / "KEYS.md").read_text())


def test_the_scripts_know_the_states_by_the_same_numbers() -> None:
    names = dict(re.findall(r"^([A-Z_]+) = (\d+)$", (FOLDER / "lua" / "names.lua").read_text(), re.MULTILINE))
    for state in State:
        assert int(names.get(state.name, CODES[state])) == CODES[state]
    assert {state for state in State if CODES[state] >= int(names["FIRST_FINAL"])} == FINAL
