"""`cardoon check`: everything that is wrong, at once, and what there is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from cardoon.cli.examination import Finding, examine
from cardoon.cli.exits import MISCONFIGURED, UNAVAILABLE, is_verbose
from cardoon.cli.options import app_option, examples, json_option, url_option, verbose_option
from cardoon.cli.text import count, document, terminal_width, visible

_LABEL = 13


@click.command(epilog=examples("cardoon check -A tasks:app", "cardoon check --json"))
@app_option
@url_option
@json_option
@verbose_option
@click.pass_context
def check(ctx: click.Context, app: str | None, url: str | None, as_json: bool) -> None:
    """Check the application, its settings, its tasks and its engine.

    Exits with 78 when something is wrong, with 69 when only the engine cannot be used.
    """
    found = examine(app, url)
    if as_json:
        document(found)
    else:
        _print(found)
    ctx.exit(_code(found))


def _code(found: Finding) -> int:
    if found.problems:
        return MISCONFIGURED
    return UNAVAILABLE if found.engine_problem else 0


def _print(found: Finding) -> None:
    for label, text in _lines(found):
        for line in textwrap.wrap(
            visible(text),
            terminal_width(),
            initial_indent=label.ljust(_LABEL),
            subsequent_indent=" " * _LABEL,
            break_on_hyphens=False,
        ):
            click.echo(line)
    wrong = len(found.problems) + bool(found.engine_problem)
    click.echo(f"{count(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong" if wrong else "all is well")


def _lines(found: Finding) -> Iterator[tuple[str, str]]:
    if found.application is not None:
        yield "application", f"{found.application}, {count(found.tasks or 0, 'task')}"
    yield from _of_engine(found)
    yield from _of_settings(found)
    for label, texts in (("note", found.notes), ("warning", found.warnings), ("wrong", found.problems)):
        for text in texts:
            yield label, text
    if found.engine_problem:
        yield "wrong", found.engine_problem


def _of_engine(found: Finding) -> Iterator[tuple[str, str]]:
    engine = found.engine
    if found.url:
        yield "engine", found.url
    if engine is None:
        return
    yield "", f"{engine.profile}: {engine.sentence}"
    schema = f"applied now: {', '.join(engine.applied)}" if engine.applied else "up to date"
    yield "", ", ".join(filter(None, [engine.version, f"schema {schema}"]))
    parked = f"{engine.parked:,} parked" + (f" ({', '.join(engine.parked_tasks)})" if engine.parked else "")
    yield "jobs", f"{engine.waiting:,} waiting, {engine.running:,} running, {parked}"
    yield "workers", count(engine.workers, "process", "processes")


def _of_settings(found: Finding) -> Iterator[tuple[str, str]]:
    shown = {n: s for n, s in found.settings.items() if is_verbose() or s.source != "default"}
    label = "settings"
    for name, setting in shown.items():
        yield label, f"{name} = {setting.value!r} ({setting.source})"
        label = ""
    if left := len(found.settings) - len(shown):
        yield label, f"{'the other ' if shown else 'all '}{left} have their defaults (-v shows them)"
