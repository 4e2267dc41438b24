"""`cardoon worker`: from options to a plan, and on to the supervisor."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from cardoon.cli.options import examples
from cardoon.cli.target import load_app
from cardoon.cli.text import visible
from cardoon.engines import silence
from cardoon.events import Events
from cardoon.logs import LEVELS, EventLog, set_up
from cardoon.model.errors import ConfigurationError
from cardoon.model.queue import check_name
from cardoon.model.url import mask
from cardoon.settings import Loaded, load
from cardoon.worker.plan import Plan
from cardoon.worker.supervisor import Supervisor, available_cpus


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


@click.command(
    epilog=examples(
        "cardoon worker tasks:app -p 2", "cardoon worker -Q mails,images --burst --log-format json"
    )
)
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option("-A", "--app", "named", metavar="MODULE:APP", help="The same, as an option.")
@click.option(
    "-Q", "--queues", multiple=True, metavar="A,B", callback=_queue_names, help="Only these queues.  [all]"
)
@click.option(
    "-p",
    "--processes",
    "-c",
    "--concurrency",
    metavar="N|auto",
    callback=_processes,
    help="How many processes.  [auto: one a CPU]",
)
@click.option(
    "-l",
    "--log-level",
    type=click.Choice(list(LEVELS), case_sensitive=False),
    envvar="CARDOON_LOG_LEVEL",
    help="The least important lines to log.  [info]",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    envvar="CARDOON_LOG_FORMAT",
    help="How lines look.  [text on a terminal, else json]",
)
@click.option("-f", "--logfile", type=click.Path(dir_okay=False, writable=True), help="Log to this file.")
@click.option("--burst", is_flag=True, help="End when no job is ready.")
@click.option(
    "--shutdown-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long running jobs may go on after the first signal.  [25]",
)
@click.option("--name", default="", metavar="TEXT", help="The worker's name.  [the name of the host]")
@click.option("--dry-run", is_flag=True, help="Print what would run, and leave.")
@click.pass_context
def worker(
    ctx: click.Context,
    /,
    app: str | None,
    named: str | None,
    processes: int | None,
    dry_run: bool,
    **rest: Any,
) -> None:
    """Run jobs until told to stop.

    The first TERM or INT lets running jobs end, the second gives them back to their queues.
    """
    if app and named and app != named:
        raise click.UsageError(f"two applications are named: {app} and {named}")
    plan = _plan(app or named, processes, load({}), rest)
    ctx.exit(_show(plan) if dry_run else _run(plan))


def _plan(app: str | None, processes: int | None, loaded: Loaded, rest: dict[str, Any]) -> Plan:
    """What was said; where nothing was, what the environment and pyproject.toml say, then the application."""
    level = loaded.settings.worker_log_level if loaded.sources["worker_log_level"] != "default" else None
    return Plan(
        app=app,
        processes=processes or loaded.settings.worker_concurrency,
        log_level=rest.pop("log_level") or level,
        log_format=rest.pop("log_format") or ("text" if sys.stderr.isatty() else "json"),
        **rest,
    )


def _run(plan: Plan) -> int:
    level = plan.log_level or "info"
    set_up(level, json_lines=plan.log_format == "json", logfile=plan.logfile, process="supervisor")
    events = Events()
    events.listen(EventLog("cardoon.supervisor"), EventLog.heard_at(level))
    return Supervisor(plan, events).run()


def _show(plan: Plan) -> int:
    """Print the plan. A process that only shows it may import the application."""
    app = load_app(plan.app)
    processes = plan.processes or app.settings.worker_concurrency or available_cpus()
    shown = msgspec.structs.asdict(plan)
    shown |= {
        "app": app.main or plan.app or "",
        "engine": mask(app.settings.url),
        "profile": app.settings.profile,
        "tasks": len(app.tasks),
        "queues": ", ".join(plan.queues) if plan.queues else "all",
        "logfile": plan.logfile or "stderr",
        "shutdown_timeout": app.settings.worker_shutdown_timeout
        if plan.shutdown_timeout is None
        else plan.shutdown_timeout,
        "name": _names(plan.name or silence.host(), processes),
        "processes": processes,
        "log_level": plan.log_level or app.settings.worker_log_level,
    }
    for name, value in shown.items():
        click.echo(f"{name:<17} {visible(str(value))}")
    return 0


def _names(name: str, processes: int) -> str:
    """The names that its processes will have."""
    return f"{name}/1" if processes == 1 else f"{name}/1 to {name}/{processes}"
