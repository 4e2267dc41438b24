"""`cardoon migrate`: brings the engine's schema up to date."""

from __future__ import annotations

import click

from cardoon.cli.options import app_option, examples, url_option, verbose_option
from cardoon.cli.target import engine_of


@click.command(epilog=examples("cardoon migrate -A tasks:app", "cardoon migrate --url sqlite:///jobs.db"))
@app_option
@url_option
@verbose_option
def migrate(app: str | None, url: str | None) -> None:
    """Bring the engine's schema up to date.

    Workers and callers do so themselves at their first call; this does it ahead, as a step of a release.
    """
    engine = engine_of(app, url)
    applied = engine.migrate()
    engine.close()
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("up to date")
