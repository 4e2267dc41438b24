"""What a task needs of its application, and which application that is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from cardoon.engines.contract import Engine
from cardoon.model.errors import ConfigurationError
from cardoon.model.message import Message
from cardoon.result import current_engines
from cardoon.tasks.registry import Registry, shared

if TYPE_CHECKING:
    from cardoon.settings import Settings


class Door(Protocol):
    """What a task needs of its application."""

    main: str
    tasks: Registry

    @property
    def engine(self) -> Engine:
        """Where its jobs are kept."""
        ...

    @property
    def settings(self) -> Settings:
        """What it was told."""
        ...

    def send(self, messages: Iterable[Message], *, tm: Any = None) -> None:
        """Store them as they come, through the send layers; with `tm` when its transaction has committed."""

    def engine_of(self, id: str) -> Engine:
        """Where this job is remembered."""
        ...

    def run_inline(self, message: Message) -> Engine:
        """Run it here with everything that follows; answers where its end is remembered."""
        ...


_apps: list[Door] = []
"""Every application, the current one last."""


def current_app() -> Door:
    """The application made last; raises ConfigurationError when there is none yet."""
    if not _apps:
        raise ConfigurationError('no application yet: make one first, app = Cardoon("name")')
    return _apps[-1]


def known_tasks() -> Registry:
    """The tasks that the current application knows; those declared without one while there is none."""
    return _apps[-1].tasks if _apps else shared


def set_current_app(app: Door) -> None:
    """Make this the application of all tasks that have none of their own."""
    _apps[:] = [*(a for a in _apps if a is not app), app]
    current_engines[:] = [app.engine_of]


def module_name(module: str, app: Door | None) -> str:
    """The module as a worker will import it: a script's own name instead of `__main__`."""
    if module != "__main__":
        return module
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script:
        return str(script).rpartition(os.sep)[2].removesuffix(".py")
    return app.main if app is not None else "__main__"
