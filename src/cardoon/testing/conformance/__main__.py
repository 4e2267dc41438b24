"""`python -m cardoon.testing.conformance URL... [--only WORD] [--json]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from cardoon.model.errors import CardoonError
from cardoon.model.url import mask
from cardoon.testing import faults
from cardoon.testing.conformance import kept, paper
from cardoon.testing.conformance.suite import Report, Verdict, side_by_side

_PRIVATE = {"postgres": faults.PostgresServer, "redis": faults.RedisServer}


class _Groups:
    """Prints the verdicts on each law when they fall, with a title above the first law of each group."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._group = ""

    def __call__(self, verdicts: list[Verdict]) -> None:
        group = verdicts[0].law.partition("/")[0]
        if group != self._group:
            click.echo(f"\n{group}")
            self._group = group
        click.echo(paper.line(verdicts[0]) if len(verdicts) == 1 else paper.row(verdicts, self._urls))


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--only", default="", metavar="WORD", help="Only laws with this word in name, guarantee or text."
)
@click.option("--json", "wants_json", is_flag=True, help="JSON instead of text: an object for each engine.")
@click.option(
    "--write",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the table of engines and laws in this file, as JSON.",
)
def main(urls: tuple[str, ...], only: str, wants_json: bool, file: Path | None) -> None:
    """Try every law on the engine of each URL, each in a fresh place that is removed afterwards.

    The words `postgres` and `redis` stand for a private server that is started for this, and that laws may
    kill. Exit code 1 when a law is broken, 2 when it could not begin.
    """
    try:
        with ExitStack() as end:
            reports = _try([_url(url, end) for url in urls], only, wants_json)
    except CardoonError as error:
        raise click.UsageError(str(error)) from None
    if file is not None:
        file.write_text(kept.as_json(kept.Table.of(reports)), "utf-8")
    sys.exit(0 if all(report.ok for report in reports) else 1)


def _url(word: str, end: ExitStack) -> str:
    return end.enter_context(_PRIVATE[word]()).url if word in _PRIVATE else word


def _try(urls: Sequence[str], only: str, wants_json: bool) -> list[Report]:
    if wants_json:
        reports = side_by_side(urls, only)
        click.echo(paper.as_json(reports))
        return reports
    click.echo(paper.heading([mask(url) for url in urls]))
    reports = side_by_side(urls, only, told=_Groups(urls))
    click.echo()
    for report in reports:
        click.echo(paper.totals(report) if len(urls) == 1 else f"{report.engine}: {paper.totals(report)}")
    return reports


if __name__ == "__main__":
    main()
