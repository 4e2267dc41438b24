"""Pages that are rendered from the code. After a change: `python -m tests.docs.test_rendered --write`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from cardoon.model import celery_names, codec, message
from cardoon.model.message import Message
from cardoon.model.states import CELERY_NAMES, FINAL, MEANING, MOVES, State
from cardoon.settings import DEFAULTS, FIELDS, OWN

DOCS = Path(__file__).parents[2] / "docs"

_RENDERED = (
    "<!-- Rendered by tests/docs/test_rendered.py; run `python -m tests.docs.test_rendered --write`. -->"
)

_STATES = """\
Every job is in one of these states. The names stand in the tables of each engine, in logs, on pages and on
the command line; `AsyncResult.state` says the name of the last column, which is Celery's where Celery has
one. A final state is left only when somebody asks for a replay.
"""

_MORE_STATES = """\
`AsyncResult.state` has two more words: `PROGRESS` for a running job that reported some, and `UNKNOWN` for
an id that the engine does not know (Celery says `PENDING` there too).
"""

_SETTINGS = """\
A setting is taken from the first of these places that names it; `cardoon check` shows which:

1. arguments: `Cardoon("shop", url="...")`
2. the environment: `CARDOON_URL=...`, or `CARDOON_URL_FILE=...` with the path of a file that holds it
3. `config_from_object`, else what the [loader](guides/extending.md#loaders) reads: Django's settings where
   there are some, else the module `celeryconfig`, or the one that `CELERY_CONFIG_MODULE` names
4. `[tool.cardoon]` in the nearest `pyproject.toml` that has it
5. the default

In 1, 3 and 4 three spellings are understood: today's lower-case names, upper-case names with a prefix
(`CELERY_TASK_ALWAYS_EAGER`, `CARDOON_TASK_ALWAYS_EAGER`, and your own prefix if you set `namespace`), and
those from before Celery 4 (`CELERY_ALWAYS_EAGER`, `BROKER_URL`). Two spellings of one setting in one place
must agree. All that is wrong is reported at once.

An unknown name is an error that offers the nearest one. Only where others keep their settings too is it
passed over: an unknown `CARDOON_` variable of the environment is noted, and so is an unknown `CELERY_` name
among a framework's settings, unless it is nearly a known one. In a `celeryconfig` that was read unasked any
name may be its own.

In the environment lists are separated by commas, durations are seconds, and yes and no are `1`/`0`,
`true`/`false`, `yes`/`no` or `on`/`off`. An empty variable is as good as none. `CARDOON_APP`,
`CARDOON_LOG*` and `CARDOON_TEST_*` are no settings.
"""

_RESULT_BACKEND = """\
`result_backend` (`CELERY_RESULT_BACKEND`) may be given and has no effect: results are kept with their jobs,
where `url` says. It is noted when it says another place than `url`.
"""

_NO_EFFECT = """\
They are accepted, so that a configuration can be moved as it is, and each is noted by `cardoon check`.
"""

_NOT_YET = """\
These are accepted and noted in the same way, but something will be missing.
"""


def states_page() -> str:
    columns = ["State", "Meaning", "May become", "`AsyncResult.state`"]
    parts = ["# The states of a job\n", _RENDERED + "\n", _STATES, _table(columns, map(_state_row, State))]
    return "\n".join([*parts, _MORE_STATES, _diagram()])


def _diagram() -> str:
    begins = [f"[*] --> {state}" for state in (State.READY, State.DELAYED, State.BLOCKED)]
    moves = [f"{before} --> {after}" for before in State for after in _in_order(MOVES[before])]
    ends = [f"{state} --> [*]" for state in _in_order(FINAL)]
    lines = "\n    ".join(["stateDiagram-v2", *begins, *moves, *ends])
    return f"```mermaid\n{lines}\n```\n"


def _state_row(state: State) -> list[str]:
    after = ", ".join(f"`{other}`" for other in _in_order(MOVES[state])) or "final"
    return [f"`{state}`", MEANING[state], after, f"`{CELERY_NAMES[state]}`"]


def _in_order(states: frozenset[State]) -> list[State]:
    return [state for state in State if state in states]


def settings_page() -> str:
    return "\n".join(
        [
            "# Settings\n",
            _RENDERED + "\n",
            _SETTINGS,
            "## Every setting\n",
            _table(["Setting", "Default", "Takes", "What it says"], map(_setting_row, FIELDS)),
            "## Their spellings\n",
            _table(
                ["Setting", "Environment", "Celery, with prefix", "Before Celery 4"],
                map(_spelling_row, FIELDS),
            ),
            _RESULT_BACKEND,
            "## Settings of Celery that have no effect\n",
            _NO_EFFECT,
            _table(["Setting", "Why"], _grouped(celery_names.NOT_NEEDED)),
            "## Not supported yet\n",
            _NOT_YET,
            _table(["Setting", "Feature"], _grouped(celery_names.NOT_YET)),
        ]
    )


def _setting_row(name: str) -> list[str]:
    field = FIELDS[name]
    return [f"`{name}`", _default(name), field.kind.form, field.meaning]


def _default(name: str) -> str:
    value = DEFAULTS[name]
    if value in (None, (), ""):
        return "none"
    if isinstance(value, float):
        return _duration(value)
    return f"`{', '.join(value) if isinstance(value, tuple) else value}`"


def _duration(seconds: float) -> str:
    length = timedelta(seconds=seconds)
    return f"{length.days} days" if length.days else f"{seconds:g} s"


def _spelling_row(name: str) -> list[str]:
    celery = {"url": "broker_url"}.get(name, name)
    old = [] if name in OWN and celery == name else celery_names.old_spellings(celery)
    today = "" if name in OWN and celery == name else f"`CELERY_{celery.upper()}`"
    return [f"`{name}`", f"`CARDOON_{name.upper()}`", today, ", ".join(f"`{key}`" for key in old)]


def _grouped(table: dict[str, str]) -> list[list[str]]:
    """One row for each reason, with all of its names."""
    reasons = dict.fromkeys(table.values())
    return [
        [", ".join(f"`{name}`" for name in sorted(table) if table[name] == reason), reason]
        for reason in reasons
    ]


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PAGES: dict[str, Callable[[], str]] = {"states.md": states_page, "settings.md": settings_page}


@pytest.mark.parametrize("name", PAGES)
def test_a_rendered_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "run python -m tests.docs.test_rendered --write"


def test_the_states_page_shows_every_state_and_every_move() -> None:
    page = states_page()
    assert all(f"| `{state}` |" in page for state in State)
    assert all(f"    {before} --> {after}" in page for before in State for after in MOVES[before])


def test_the_settings_page_shows_every_setting_and_every_name_of_celery() -> None:
    page = settings_page()
    for name in (*FIELDS, *celery_names.NOT_NEEDED, *celery_names.NOT_YET):
        assert f"`{name}`" in page
    for name in FIELDS:
        assert f"`CARDOON_{name.upper()}`" in page


def test_the_page_of_the_wire_format_names_every_key_tag_and_limit() -> None:
    page = (DOCS / "wire-format.md").read_text("utf-8")
    for word in (*Message.__struct_fields__, *codec._READERS):
        assert f"| `{word}` |" in page, word
    for number in (
        codec.MAX_DEPTH,
        codec.MAX_DIGITS,
        DEFAULTS["task_size_limit"],
        DEFAULTS["result_size_limit"],
    ):
        assert f"{number:,}" in page, number
    assert f"version {message.VERSION}" in page


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    for page_name, render in PAGES.items():
        (DOCS / page_name).write_text(render(), "utf-8")
