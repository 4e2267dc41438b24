"""`cardoon migrate`: brings the engine's schema up to date."""

from __future__ import annotations

import click

from cardoon.cli.options import app_option, examples, url_option, verbose_option
from cardoon.cli.target import engine_of
from cardoon.engines.contract import Engine, Scripted


@click.command(
    epilog=examples(
        "cardoon migrate -A tasks:app",
        "cardoon migrate --url sqlite:///jobs.db",
        "cardoon migrate -A tasks:app --sql | psql",
    )
)
@app_option
@url_option
@click.option("--sql", "as_sql", is_flag=True, help="Print the whole schema as SQL and change nothing.")
@verbose_option
def migrate(app: str | None, url: str | None, as_sql: bool) -> None:
    """Bring the engine's schema up to date.

    On SQLite and Redis workers and callers do so themselves at their first call, and this does it ahead. On
    PostgreSQL it is a step of each release: nothing else changes that schema.
    """
    engine = engine_of(app, url)
    if as_sql:
        return click.echo(_script(engine), nl=False)
    applied = engine.migrate()
    engine.close()
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("up to date")
    return None


def _script(engine: Engine) -> str:
    if not isinstance(engine, Scripted):
        raise click.UsageError("this engine has no schema in SQL; `cardoon migrate` alone does all it needs")
    return engine.migrations_sql()
