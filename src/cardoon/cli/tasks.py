"""`cardoon tasks`: what the application can run."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from cardoon.cli.options import app_option, examples, json_option, verbose_option
from cardoon.cli.target import load_app
from cardoon.cli.text import document, duration, shorten, terminal_width, visible
from cardoon.model.retry import RetryPolicy
from cardoon.settings import Settings


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is declared. Delays are seconds; `max_retries` None is endless."""

    name: str
    signature: str
    queue: str
    priority: int
    max_retries: int | None
    retry_for: list[str]
    retry: str


@click.command(epilog=examples("cardoon tasks -A tasks:app", "cardoon tasks --json"))
@app_option
@json_option
@verbose_option
def tasks(app: str | None, as_json: bool) -> None:
    """List the tasks of the application: signature, queue, retry policy."""
    application = load_app(app)
    entries = [_entry(application.tasks[name], application.settings) for name in sorted(application.tasks)]
    if as_json:
        return document(entries)
    for entry in entries:
        click.echo(shorten(visible(entry.name + entry.signature), terminal_width()))
        click.echo(shorten(visible(f"    queue {entry.queue}; {entry.retry}"), terminal_width()))
    if not entries:
        click.echo("no tasks: is the module that declares them imported (imports=, autodiscover_tasks)?")
    return None


def _entry(task: Any, settings: Settings) -> Entry:
    policy, priority = task.declared.retry, task.declared.priority
    return Entry(
        name=task.name,
        signature=str(task.signature.whole),
        queue=task.declared.queue or settings.task_default_queue,
        priority=settings.task_default_priority if priority is None else priority,
        max_retries=policy.max_retries,
        retry_for=[kind.__name__ for kind in policy.retry_for],
        retry=sentence(policy),
    )


def sentence(policy: RetryPolicy) -> str:
    """The policy in words."""
    if policy.max_retries == 0:
        return "not retried"
    times = "without end" if policy.max_retries is None else f"up to {policy.max_retries} times"
    if not policy.retry_for:
        return f"retried by retry() {times}, {_delay(policy)}"
    return f"retried on {', '.join(kind.__name__ for kind in policy.retry_for)} {times}, {_delay(policy)}"


def _delay(policy: RetryPolicy) -> str:
    if not policy.backoff:
        return f"after {duration(policy.delay)}"
    return f"after {duration(policy.backoff)}, doubling to {duration(policy.backoff_max)}"
