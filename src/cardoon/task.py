"""Celery 1.0's `celery.task`: `from cardoon.task import Task`.

`cardoon.task` is a decorator too, so once it is imported this module can be called like that.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from cardoon.tasks.declare import task
from cardoon.tasks.kind import TaskType
from cardoon.tasks.legacy import Task

__all__ = ["Task", "TaskType", "task"]


class _Decorator(ModuleType):
    """A module that declares tasks when it is called."""

    def __call__(self, *functions: Any, **options: Any) -> Any:
        """Declare a task, as `task` does."""
        return task(*functions, **options)


sys.modules[__name__].__class__ = _Decorator
