"""Celery 1.0's `celery.decorators`: `from cardoon.decorators import task`."""

from cardoon.tasks.legacy import task

__all__ = ["task"]
