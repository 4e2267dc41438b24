"""`python -m cardoon.testing.conformance URL [--only WORD] [--json]`."""

from __future__ import annotations

import sys

import click

from cardoon.model.errors import CardoonError
from cardoon.testing.conformance import paper
from cardoon.testing.conformance.suite import Verdict, run


class _Groups:
    """Prints each verdict when it falls, with a title above the first of each group."""

    def __init__(self) -> None:
        self._group = ""

    def __call__(self, verdict: Verdict) -> None:
        group = verdict.law.partition("/")[0]
        if group != self._group:
            click.echo(f"\n{group}")
            self._group = group
        click.echo(paper.line(verdict))


@click.command()
@click.argument("url")
@click.option(
    "--only", default="", metavar="WORD", help="Only laws with this word in name, guarantee or text."
)
@click.option("--json", "wants_json", is_flag=True, help="One JSON object instead of text.")
def main(url: str, only: str, wants_json: bool) -> None:
    """Try every law on the engine of URL, each in a fresh place that is removed afterwards.

    Exit code 1 when a law is broken, 2 when it could not begin.
    """
    try:
        if wants_json:
            report = run(url, only)
            click.echo(paper.as_json(report))
        else:
            click.echo(paper.heading(url))
            report = run(url, only, told=_Groups())
            click.echo(f"\n{paper.totals(report)}")
    except CardoonError as error:
        raise click.UsageError(str(error)) from None
    sys.exit(0 if report.ok else 1)


if __name__ == "__main__":
    main()
