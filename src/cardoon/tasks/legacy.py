"""The class and the decorator of Celery 1.0, whose tasks get its default keyword arguments (decision 7)."""

from __future__ import annotations

from cardoon.tasks import task as today
from cardoon.tasks.declare import declaring


class Task(today.Task):
    """The base of class tasks as in Celery 1.0: `**kwargs` of `run` gets `task_id`, `logfile` and so on."""

    abstract = True
    accept_magic_kwargs = True


task = declaring(None, accept_magic_kwargs=True)
"""The decorator as in Celery 1.0: `**kwargs` of the function gets `task_id`, `logfile` and so on."""
