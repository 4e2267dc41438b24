"""The command `cardoon`: finds a command by its name; what it raises becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from cardoon.cli.exits import INTERRUPTED, NOBODY_READS, exit_code, explain
from cardoon.cli.groups import Group
from cardoon.model.errors import CardoonError

COMMANDS = {
    "worker": "cardoon.cli.worker:worker",
    "dev": "cardoon.cli.dev:dev",
    "call": "cardoon.cli.call:call",
    "jobs": "cardoon.cli.jobs:jobs",
    "queues": "cardoon.cli.queues:queues",
    "workers": "cardoon.cli.workers:workers",
    "tasks": "cardoon.cli.tasks:tasks",
    "check": "cardoon.cli.check:check",
    "health": "cardoon.cli.health:health",
    "migrate": "cardoon.cli.migrate:migrate",
    "demo": "cardoon.cli.demo:demo",
}
"""Where each command is: imported when it is called, so that a worker starts without the others."""


class Commands(Group):
    """The group of all commands, each imported by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Those that this installation has, in the order of the table."""
        return [name for name, path in COMMANDS.items() if _is_there(path.partition(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        module, _, name = COMMANDS.get(cmd_name, "").partition(":")
        if not module or not _is_there(module):
            return None
        found: click.Command = getattr(import_module(module), name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; whatever is raised on purpose becomes a short explanation and an exit code."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except CardoonError as error:
            explain(error)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _write_nowhere()
            ctx.exit(NOBODY_READS)
        return answer


def _is_there(module: str) -> bool:
    found = find_spec(module)
    return found is not None and found.origin is not None


def _write_nowhere() -> None:
    """The reader of our output went away: what is still in the buffer must not fail at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="\b\nExamples:\n  cardoon worker tasks:app -p 2\n  cardoon call tasks.add 1 2 --wait",
)
@click.version_option(package_name="cardoon", message="cardoon %(version)s")
def commands() -> None:
    """Background jobs for Python web applications.

    Commands find the application by -A module:app, CARDOON_APP, [tool.cardoon] app in pyproject.toml,
    or in app.py, main.py or tasks.py here.
    """


def main() -> None:
    """The entry point."""
    commands.main(prog_name="cardoon")
