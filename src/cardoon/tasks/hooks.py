"""What a task hears of its own attempts."""

from __future__ import annotations

from typing import Any

from cardoon.model.outcome import ErrorReport

HOOKS = ("before_start", "on_success", "on_failure", "on_retry", "after_return")


class ExceptionInfo:
    """What hooks get as `einfo`: the exception, its type and the text of its traceback."""

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception
        self.type = type(exception)
        self.traceback = ErrorReport.of(exception).traceback

    def __str__(self) -> str:
        return self.traceback


class Hooks:
    """For subclasses to define. What one raises is logged and changes nothing, but in `before_start`."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Before each attempt; what it raises fails the attempt."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """When the body returned."""

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: ExceptionInfo
    ) -> None:
        """When the last attempt failed."""

    def on_retry(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: ExceptionInfo
    ) -> None:
        """When an attempt failed and another follows."""

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: ExceptionInfo | None
    ) -> None:
        """After every attempt, whatever became of it."""
