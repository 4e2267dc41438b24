"""Asking before something is done that cannot be taken back."""

from __future__ import annotations

import sys

import click

from cardoon.cli.exits import FAILED

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say how many it would be.")


def confirm(question: str, *, yes: bool) -> None:
    """Go on if the answer is yes; leaves with 1 otherwise, and with 2 where there is nobody to answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{question} There is no terminal to answer on: add --yes, or --dry-run to see first"
        )
    if not click.confirm(question, err=True):
        click.echo("nothing was done", err=True)
        click.get_current_context().exit(FAILED)
