"""The page of the command line is what `--help` prints.

After a change: `python -m tests.docs.test_cli_help --write`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cardoon.cli.main import commands
from cardoon.model.query.fields import NAMES

DOCS = Path(__file__).parents[2] / "docs"
PAGE, GUIDE = DOCS / "cli.md", DOCS / "guides" / "operating.md"

_RENDERED = (
    "<!-- Rendered by tests/docs/test_cli_help.py; run `python -m tests.docs.test_cli_help --write`. -->"
)

_BEFORE = """\
`cardoon` is installed with the package; `python -m cardoon` is the same.

The application is what `-A` (for `worker`: the first word) names as `module:app`, else `CARDOON_APP`, else
`app` under `[tool.cardoon]` in `pyproject.toml`, else the one in `app.py`, `main.py` or `tasks.py` here.
Commands that only look at the engine take `--url` instead, and need no application where the environment or
`pyproject.toml` names the engine.

| Exit code | Meaning |
| --- | --- |
| 0 | done; a worker: stopped as asked, or its burst is finished |
| 1 | something failed; `call --wait`, `jobs wait`: a job did; `health`: it is not well; no was the answer |
| 2 | wrong usage, a wrong filter, or a call that the task does not take |
| 69 | the engine cannot be used |
| 78 | the configuration is wrong, or the application cannot be imported |
| 130, 143 | ended by Ctrl-C; a worker: forced by a second signal |

Results and tables go to stdout, all else to stderr. With `--json` there is one JSON document on stdout, with
full ids and with moments in seconds since the epoch. Tables fit `COLUMNS`, or the terminal, and name jobs by
the last 8 characters of their ids, as logs do; all commands of `jobs` take these. Filters are told in
[operating](guides/operating.md). What cannot be taken back is counted and asked for first when it is done to
all that match; `--yes` answers, and without a terminal it is needed.
"""


def pages() -> Iterator[tuple[str, str]]:
    """Each command, and each of its commands, with its help."""
    top = click.Context(commands, info_name="cardoon", **commands.context_settings)
    yield from _of(commands, top)


def _of(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    formatter = click.HelpFormatter(width=80)
    command.format_help(context, formatter)
    yield context.command_path, formatter.getvalue()
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _of(
                found, click.Context(found, parent=context, info_name=name, **found.context_settings)
            )


def page() -> str:
    """The whole page."""
    parts = ["# The command line\n", _RENDERED + "\n", _BEFORE]
    parts += [f"## {path}\n\n```text\n{text}```\n" for path, text in pages()]
    return "\n".join(parts)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.docs.test_cli_help --write"


@pytest.mark.parametrize(("path", "text"), list(pages()))
def test_each_help_fits_one_screen_and_has_two_examples(path: str, text: str) -> None:
    lines = text.splitlines()
    assert len(lines) <= 40, path
    assert max(map(len, lines)) <= 80, path
    assert sum(f"{line.strip()} ".startswith(f"{path} ") for line in lines) >= 2, path


def test_the_fields_of_a_filter_are_all_told() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    told = [name.rstrip(":") for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(told) == sorted(NAMES)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    PAGE.write_text(page(), "utf-8")
