"""Cardoon: background jobs for Python web applications.

    app = Cardoon("shop", url="sqlite:///jobs.db")

    @app.task(retry_for=OSError)
    def resize(path: str, width: int = 800) -> str: ...

    resize.delay("cat.jpg", width=300).get(timeout=10)

Floors, from the ground: model, engines, (context events middleware loaders settings result logs), tasks,
app, worker, (cli testing). Imports go down only; docs/architecture.md shows the way of one job.
"""

import typing as _typing

from cardoon.app import Cardoon
from cardoon.context import Request, current_job
from cardoon.events import Event
from cardoon.middleware import CallNext, Layer
from cardoon.model import states
from cardoon.model.errors import CardoonError, Ignore, Retry
from cardoon.model.message import Message
from cardoon.model.queue import Queue
from cardoon.result import AsyncResult
from cardoon.tasks.declare import task
from cardoon.tasks.registry import shared as registry
from cardoon.tasks.task import Task, TaskType, current_app

if _typing.TYPE_CHECKING:
    from cardoon import exceptions
    from cardoon.logs import get_task_logger
    from cardoon.tasks.logged import BaseTask
else:

    def __getattr__(name):
        """What is loaded when it is first used: who only sends has no need of it, nor of `logging`."""
        places = {
            "BaseTask": "cardoon.tasks.logged",
            "exceptions": "cardoon.exceptions",
            "get_task_logger": "cardoon.logs",
        }
        if name not in places:
            raise AttributeError(f"module 'cardoon' has no attribute {name!r}")
        from importlib import import_module

        module = import_module(places[name])
        return getattr(module, name, module)

    def __dir__():
        return sorted({*globals(), *__all__})


Celery = Cardoon
shared_task = task

__all__ = [  # noqa: RUF022 - by theme
    # the application and its tasks
    "BaseTask",
    "Cardoon",
    "Celery",
    "Queue",
    "Task",
    "TaskType",
    "current_app",
    "registry",
    "shared_task",
    "task",
    # a job, from outside and from inside
    "AsyncResult",
    "Request",
    "current_job",
    "get_task_logger",
    "states",
    # what a task may raise, and what may be raised
    "CardoonError",
    "Ignore",
    "Retry",
    "exceptions",
    # layers and listeners
    "CallNext",
    "Event",
    "Layer",
    "Message",
]
