"""From an error to what is said of it, and to an exit code."""

from __future__ import annotations

import traceback

import click

from cardoon.cli.text import visible
from cardoon.model.errors import CallRefused, CardoonError, ConfigurationError, EngineError

FAILED = 1
MISUSED = 2
UNAVAILABLE = 69
MISCONFIGURED = 78
INTERRUPTED = 130
NOBODY_READS = 141
LINES_LIMIT = 5

_CODES: list[tuple[type[CardoonError], int]] = [
    (ConfigurationError, MISCONFIGURED),
    (EngineError, UNAVAILABLE),
    (CallRefused, MISUSED),
]
_VERBOSE = "cardoon.verbose"


def exit_code(error: CardoonError) -> int:
    """2 for a call that was refused, 69 for the engine, 78 for the configuration, 1 for the rest."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def explain(error: CardoonError) -> None:
    """Say it on stderr, in five lines at most; with --verbose also where it came from."""
    if is_verbose():
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    click.echo(shortened(f"Error: {error}"), err=True)


def shortened(text: str) -> str:
    """The text with control characters escaped and at most five lines of it."""
    lines = [visible(line) for line in text.splitlines()]
    if len(lines) > LINES_LIMIT:
        left = len(lines) - LINES_LIMIT + 1
        lines = [*lines[: LINES_LIMIT - 1], f"... and {left} more lines: cardoon check shows all"]
    return "\n".join(lines)


def is_verbose() -> bool:
    """Whether the running command was given --verbose."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_VERBOSE))


def remember_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Keep --verbose where `is_verbose` finds it."""
    ctx.meta[_VERBOSE] = value
