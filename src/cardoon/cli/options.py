"""The options that several commands have."""

from __future__ import annotations

import click

from cardoon.cli.exits import remember_verbose

app_option = click.option("-A", "--app", metavar="MODULE:APP", help="The application.")
url_option = click.option(
    "--url", metavar="URL", help="The engine's address; the application is not imported."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=remember_verbose,
    help="Say more; show Cardoon's own frames in tracebacks.",
)


def examples(*lines: str) -> str:
    """The end of a help page."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
