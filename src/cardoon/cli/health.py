"""`cardoon health`, as it is documented: the entry point answers it before any of this is imported."""

from __future__ import annotations

import click

import cardoon_health
from cardoon.cli.options import examples


@click.command(epilog=examples("cardoon health --file worker.health", "cardoon health --port 8800 --ready"))
@click.option("--file", type=click.Path(), help="The file of `cardoon worker --probe-file`.")
@click.option("--port", type=click.IntRange(1, 65_535), help="The port of `cardoon worker --probe-port`.")
@click.option("--ready", is_flag=True, help="Ask for a process that takes jobs, too.")
@click.option(
    "--max-age",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help=f"For how long the word of the file holds.  [{cardoon_health.MAX_AGE_SECONDS:g}]",
)
@click.pass_context
def health(ctx: click.Context, /, ready: bool, **said: str | float | None) -> None:
    """Ask a worker on this host whether it is well.

    Exits with 0 if so, else with 1 and the reason on stderr. For probes: neither the application nor the
    engine is touched, and nothing of Cardoon is imported.
    """
    words = [f"--{name.replace('_', '-')}={value}" for name, value in said.items() if value is not None]
    ctx.exit(cardoon_health.run([*words, *(["--ready"] if ready else [])]))
