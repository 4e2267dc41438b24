"""`cardoon worker`: from options to a plan, and on to the supervisor."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cardoon.cli.options import examples
from cardoon.cli.target import load_app
from cardoon.cli.text import visible
from cardoon.cli.worker_options import (
    CELERY_SPELLINGS,
    lifetime_options,
    log_options,
    pool_options,
    process_options,
    queue_options,
)
from cardoon.engines import silence
from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.logs import EventLog, set_up
from cardoon.model.errors import CardoonError
from cardoon.model.url import mask
from cardoon.settings import Loaded, load
from cardoon.worker import process
from cardoon.worker.born import Born
from cardoon.worker.cpus import available_cpus
from cardoon.worker.pidfile import pidfile
from cardoon.worker.plan import Lifetime, Plan
from cardoon.worker.supervisor import Supervisor

if TYPE_CHECKING:
    from cardoon.worker.probe import Probe


@click.command(
    context_settings={"token_normalize_func": lambda name: CELERY_SPELLINGS.get(name, name)},
    epilog=examples(
        "cardoon worker tasks:app -p 2", "cardoon worker -Q mails,images --async 500 --max-memory 1G"
    ),
)
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option("-A", "--app", "named", metavar="MODULE:APP", help="The same, as an option.")
@queue_options
@pool_options
@lifetime_options
@log_options
@process_options
@click.option("--dry-run", is_flag=True, help="Print what would run, and leave.")
@click.pass_context
def worker(
    ctx: click.Context,
    /,
    app: str | None,
    named: str | None,
    processes: int | None,
    dry_run: bool,
    purge: bool,
    **rest: Any,
) -> None:
    """Run jobs until told to stop.

    The first TERM or INT lets running jobs end, the second gives them back to their queues, the third
    kills. QUIT writes into the log where everything stands.
    """
    if app and named and app != named:
        raise click.UsageError(f"two applications are named: {app} and {named}")
    if processes and rest["autoscale"]:
        raise click.UsageError("give either --processes or --autoscale MAX,MIN")
    loaded = load({})
    plan = plan_of(app or named, processes, loaded, rest)
    if dry_run:
        ctx.exit(_show(plan))
    if purge and (code := _purge(plan)):
        ctx.exit(code)
    _import_driver(loaded)
    ctx.exit(run(plan))


def _purge(plan: Plan) -> int:
    from cardoon.cli.purging import purge_before_start  # here: few workers start so

    return purge_before_start(plan.app, plan.queues)


def _import_driver(loaded: Loaded) -> None:
    """What the address of the environment needs is imported before processes are forked, which share it.

    The application may name another address; what is wrong with this one is its processes' to tell.
    """
    gc.freeze()  # what is there stays: collections need not walk it again and again while more is imported
    if loaded.sources["url"] != "default":
        with suppress(CardoonError, ImportError):
            connect(loaded.settings.url)


def plan_of(app: str | None, processes: int | None, loaded: Loaded, rest: dict[str, Any]) -> Plan:
    """What was said; where nothing was, what the environment and pyproject.toml say, then the application."""
    level = loaded.settings.worker_log_level if loaded.sources["worker_log_level"] != "default" else None
    return Plan(
        app=app,
        processes=processes or loaded.settings.worker_concurrency,
        log_level=rest.pop("log_level") or level,
        log_format=rest.pop("log_format") or ("text" if sys.stderr.isatty() else "json"),
        lifetime=_lifetime(rest),
        **rest,
    )


def _lifetime(rest: dict[str, Any]) -> Lifetime:
    kibibytes = rest.pop("max_memory_per_child")
    return Lifetime(
        jobs=rest.pop("max_jobs"),
        bytes=rest.pop("max_memory") or (kibibytes and kibibytes * 1024),
        seconds=rest.pop("max_time"),
        idle=rest.pop("max_idle"),
    )


def run(plan: Plan) -> int:
    """Be the supervisor until it ends, or one of its processes that was forked; the exit code."""
    level = plan.log_level or "info"
    set_up(level, json_lines=plan.log_format == "json", logfile=plan.logfile, process="supervisor")
    events = Events()
    events.listen(EventLog("cardoon.supervisor"), EventLog.heard_at(level))
    try:
        with pidfile(plan.pidfile), _probe(plan) as probe:
            return Supervisor(plan, events, probe).run()
    except Born as born:
        orders = born.orders
    return process.born(orders)  # here, where nothing holds on to the supervisor any more


@contextmanager
def _probe(plan: Plan) -> Generator[Probe | None]:
    if plan.probe_file is None and plan.probe_port is None:
        yield None
        return
    from cardoon.worker.probe import Probe  # here: it imports a server, which few workers need

    probe = Probe(plan.probe_file, plan.probe_port)
    try:
        yield probe
    finally:
        probe.close()


def _show(plan: Plan) -> int:
    """Print the plan. A process that only shows it may import the application."""
    app = load_app(plan.app)
    least = plan.autoscale[1] if plan.autoscale else None
    processes = least or plan.processes or app.settings.worker_concurrency or available_cpus()
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
        "lifetime": _lived(plan.lifetime),
        "autoscale": "{} to {}".format(*reversed(plan.autoscale)) if plan.autoscale else "no",
        "log_level": plan.log_level or app.settings.worker_log_level,
    }
    for name, value in shown.items():
        click.echo(f"{name:<17} {visible(str(value))}")
    return 0


def _lived(lifetime: Lifetime) -> str:
    said = {name: value for name, value in msgspec.structs.asdict(lifetime).items() if value is not None}
    return ", ".join(f"{value:g} {name}" for name, value in said.items()) or "no bound"


def _names(name: str, processes: int) -> str:
    """The names that its processes will have."""
    return f"{name}/1" if processes == 1 else f"{name}/1 to {name}/{processes}"
