"""A base of class tasks that logs their failures itself."""

from __future__ import annotations

from typing import Any

from cardoon.logs import get_task_logger
from cardoon.tasks.hooks import ExceptionInfo
from cardoon.tasks.task import Task


class BaseTask(Task):
    """Logs an error with id and exception when a job failed for good; `action` says what the task does."""

    abstract = True
    action: str = ""

    def __init__(self) -> None:
        super().__init__()
        self.action = self.action or self.name

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: ExceptionInfo
    ) -> None:
        """Write one record at ERROR to the logger of the module that defines the task."""
        super().on_failure(exc, task_id, args, kwargs, einfo)
        get_task_logger(type(self).__module__).error("%r failed: %s", task_id, exc)
