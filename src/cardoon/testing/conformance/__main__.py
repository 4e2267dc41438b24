"""`python -m cardoon.testing.conformance URL... [--only WORD] [--json] [--programs FOLDER]`."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from cardoon.model.errors import CardoonError, EngineRefused
from cardoon.model.url import mask
from cardoon.testing import faults
from cardoon.testing.conformance import kept, paper, versions
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
@click.option(
    "--programs",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False),
    help="Where the programs of private servers are, as of another version.  [found on this machine]",
)
@click.option(
    "--add",
    "table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep what came of this version of a server, beside other versions, in this JSON file.",
)
def main(
    urls: tuple[str, ...],
    only: str,
    wants_json: bool,
    file: Path | None,
    programs: str | None,
    table: Path | None,
) -> None:
    """Try every law on the engine of each URL, each in a fresh place that is removed afterwards.

    The words `postgres` and `redis` stand for a private server that is started for this, and that laws may
    kill. Exit code 1 when a law is broken, 2 when it could not begin.
    """
    if table is not None and only:
        raise click.UsageError("--add keeps runs of all laws, and --only leaves out some")
    try:
        with ExitStack() as end:
            of = [_server(url, programs or "", end) for url in urls]
            with _refusal_kept(of, table):
                reports = _try([one if isinstance(one, str) else one.url for one in of], only, wants_json)
    except CardoonError as error:
        raise click.UsageError(str(error)) from None
    if file is not None:
        file.write_text(kept.as_json(kept.Table.of(reports)), "utf-8")
    if table is not None:
        versions.add(table, [versions.Entry.of(report) for report in reports if report.version])
    sys.exit(0 if all(report.ok for report in reports) else 1)


def _server(word: str, programs: str, end: ExitStack) -> faults.Server | str:
    return end.enter_context(_PRIVATE[word](programs=programs)) if word in _PRIVATE else word


@contextmanager
def _refusal_kept(of: Sequence[faults.Server | str], table: Path | None) -> Generator[None]:
    """A private server that is refused, as one that is too old, is an entry of the table too."""
    try:
        yield
    except EngineRefused as error:
        (first, *others) = of
        if table is not None and isinstance(first, faults.Server) and not others:
            versions.add(table, [versions.Entry.of_refusal(first.version, str(error))])
        raise


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
