"""Cardoon: background jobs for Python web applications.

    app = Cardoon("shop", url="sqlite:///jobs.db")

    @app.task(retry_for=OSError)
    def resize(path: str, width: int = 800) -> str: ...

    resize.delay("cat.jpg", width=300).get(timeout=10)

Floors, from the ground: model, engines, (context events middleware settings result logs), tasks, app,
worker, (cli testing). Imports go down only; docs/architecture.md shows the way of one job.
"""

from cardoon import exceptions
from cardoon.app import Cardoon
from cardoon.context import Request, current_job
from cardoon.events import Event
from cardoon.logs import get_task_logger
from cardoon.model import states
from cardoon.model.errors import CardoonError, Ignore, Retry
from cardoon.model.queue import Queue
from cardoon.result import AsyncResult
from cardoon.tasks.declare import task
from cardoon.tasks.registry import shared as registry
from cardoon.tasks.task import Task, TaskType, current_app

Celery = Cardoon
shared_task = task

__all__ = [  # noqa: RUF022 - by theme
    # the application and its tasks
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
    # listening
    "Event",
]
