"""The options of `cardoon worker`, by theme, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cardoon.logs import LEVELS
from cardoon.model.errors import ConfigurationError
from cardoon.model.queue import check_name
from cardoon.worker.cpus import available_cpus

CELERY_SPELLINGS = {
    "loglevel": "log-level",
    "concurrency": "processes",
    "max-tasks-per-child": "max-jobs",
    "hostname": "name",
    "discard": "purge",
}
"""Options that Celery spells otherwise: understood, and not shown."""

F = TypeVar("F", bound=Callable[..., Any])

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def _processes(ctx: click.Context, param: click.Parameter, given: str | None) -> int | None:
    if given is None or given == "auto":
        return available_cpus() if given else None
    if given.isdecimal() and int(given) > 0:
        return int(given)
    raise click.BadParameter(f"{given!r} is no number of processes; write 1 or more, or auto")


def _queue_names(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> list[str] | None:
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    try:
        return [check_name(name) for name in dict.fromkeys(names)] or None
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None


def _autoscale(ctx: click.Context, param: click.Parameter, given: str | None) -> tuple[int, int] | None:
    if given is None:
        return None
    numbers = [part.strip() for part in given.split(",")]
    if not all(number.isdecimal() for number in numbers) or len(numbers) > 2:
        raise click.BadParameter(f"{given!r} is no pair MAX,MIN such as 10,3")
    most, least = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 1
    if not 1 <= least <= most:
        raise click.BadParameter(f"{given!r}: the most processes come first, and the least are 1 or more")
    return most, least


def _size(ctx: click.Context, param: click.Parameter, given: str | None) -> int | None:
    found = _SIZE.fullmatch(given.strip()) if given is not None else None
    if given is not None and found is None:
        raise click.BadParameter(f"{given!r} is no size; write 512M or 2G")
    return None if found is None else int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def pool_options(command: F) -> F:
    """How many jobs at once, and where."""
    return _all(
        command,
        click.option(
            "-p",
            "-c",
            "--processes",
            metavar="N|auto",
            callback=_processes,
            help="How many processes.  [auto: one a CPU]",
        ),
        click.option(
            "-t",
            "--threads",
            type=click.IntRange(min=0),
            metavar="N",
            default=0,
            show_default=False,
            help="Threads of each process, for def tasks.",
        ),
        click.option(
            "--async",
            "coroutines",
            type=click.IntRange(min=0),
            metavar="N",
            default=0,
            show_default=False,
            help="async def jobs at once on an event loop of each process.",
        ),
        click.option(
            "--autoscale",
            metavar="MAX,MIN",
            callback=_autoscale,
            help="Between so many processes, as jobs wait.",
        ),
    )


def queue_options(command: F) -> F:
    """Which jobs."""
    return _all(
        command,
        click.option(
            "-Q",
            "--queues",
            multiple=True,
            metavar="A,B",
            callback=_queue_names,
            help="Only these queues.  [all]",
        ),
        click.option("--burst", is_flag=True, help="End when no job is ready."),
        click.option("--purge", is_flag=True, help="First cancel what waits in these queues."),
    )


def lifetime_options(command: F) -> F:
    """When a process makes place for a fresh one. The names of Celery are understood and not shown."""
    return _all(
        command,
        click.option(
            "--max-jobs",
            type=click.IntRange(min=1),
            metavar="N",
            help="Replace a process after so many jobs.",
        ),
        click.option(
            "--max-memory", metavar="SIZE", callback=_size, help="... when it uses so much, such as 512M."
        ),
        click.option(
            "--max-memory-per-child", type=click.IntRange(min=1), hidden=True, help="The same, in KiB."
        ),
        click.option(
            "--max-time",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="... after so long.",
        ),
        click.option(
            "--max-idle",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="... after so long without a job.",
        ),
    )


def log_options(command: F) -> F:
    """What is said, and where."""
    return _all(
        command,
        click.option(
            "-l",
            "--log-level",
            type=click.Choice(list(LEVELS), case_sensitive=False),
            envvar="CARDOON_LOG_LEVEL",
            help="The least important lines to log.  [info]",
        ),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            envvar="CARDOON_LOG_FORMAT",
            help="How lines look.  [text on a terminal, else json]",
        ),
        click.option(
            "-f", "--logfile", type=click.Path(dir_okay=False, writable=True), help="Log to this file."
        ),
    )


def process_options(command: F) -> F:
    """The worker among the other processes of its host."""
    return _all(
        command,
        click.option(
            "--shutdown-timeout",
            type=click.FloatRange(min=0),
            metavar="SECONDS",
            help="How long running jobs may go on after the first signal.  [25]",
        ),
        click.option(
            "-n",
            "--name",
            default="",
            metavar="TEXT",
            help="The worker's name.  [the name of the host]",
        ),
        click.option("--pidfile", type=click.Path(dir_okay=False), help="Write the process id there."),
        click.option("--probe-file", type=click.Path(dir_okay=False), help="Write the health there."),
        click.option(
            "--probe-port", type=click.IntRange(1, 65_535), metavar="PORT", help="Answer probes there."
        ),
        click.option("-E", "--task-events", is_flag=True, hidden=True, expose_value=False),
    )


def _all(command: F, *options: Callable[[F], F]) -> F:
    """Decorated with these, so that they are listed in this order."""
    for option in reversed(options):
        command = option(command)
    return command
