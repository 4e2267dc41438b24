"""The tasks that are known, by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from weakref import WeakSet

from cardoon.model.errors import (
    AlreadyRegistered,
    ConfigurationError,
    IncompleteTask,
    NotRegistered,
    nearest,
)
from cardoon.model.options import check_attributes

T = TypeVar("T")


class Registry(Mapping[str, Any]):
    """Name -> task. Tasks declared without an application are seen through `parent`."""

    def __init__(self, parent: Registry | None = None) -> None:
        self._own: dict[str, Any] = {}
        self._parent = parent
        self._children: WeakSet[Registry] = WeakSet()
        if parent is not None:
            parent._children.add(self)

    def register(self, task: T) -> T:
        """Make a task known, an instance or a class; the same one again is no error.

        Returns what it was given, so it can decorate a class. Raises AlreadyRegistered for a
        different task of the same name.
        """
        instance: Any = getattr(task, "instance", lambda: task)() if isinstance(task, type) else task
        name = getattr(instance, "name", "")
        if not name or not hasattr(instance, "apply_async"):
            raise IncompleteTask(
                f"{task!r} is no task: derive it from Task, or decorate a function with @task"
            )
        instance.declared  # noqa: B018 - refuses wrong options where they are declared
        check_attributes(name, vars(type(instance)))
        _check_pool(instance)
        for before in self._namesakes(name):
            if _origin(before) != _origin(instance):
                raise AlreadyRegistered(
                    f"two different tasks are named {name!r}: {_place(before)} and {_place(instance)}; "
                    "give one another name="
                )
        self._own[name] = instance
        return task

    def _namesakes(self, name: str) -> Iterator[Any]:
        """The tasks of that name that are seen together with those of this registry."""
        parents = [self._parent] if self._parent is not None else []
        for registry in (self, *parents, *self._children):
            if name in registry._own:
                yield registry._own[name]

    def unregister(self, task: Any) -> None:
        """Forget a task, by itself or by its name; raises NotRegistered for an unknown one."""
        name = task if isinstance(task, str) else task.name
        if self._own.pop(name, None) is None:
            raise NotRegistered(self._unknown(name))

    def find(self, name: str) -> Any:
        """The task of that name, or None."""
        found = self._own.get(name)
        if found is None and self._parent is not None:
            found = self._parent.find(name)
        return found

    def nearest(self, name: str) -> str:
        """The words that offer the nearest known name, or nothing."""
        return nearest(name, self)

    def regular(self) -> dict[str, Any]:
        """All of them as a dictionary, by Celery's name for those without a schedule of their own."""
        return dict(self)

    def __getitem__(self, name: str) -> Any:
        found = self.find(name)
        if found is None:
            raise NotRegistered(self._unknown(name))
        return found

    def __iter__(self) -> Iterator[str]:
        inherited = [] if self._parent is None else [n for n in self._parent if n not in self._own]
        return iter([*self._own, *inherited])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def _unknown(self, name: str) -> str:
        return (
            f"task {name!r} is not registered{self.nearest(name)}; is the module that defines it imported "
            "(imports=, autodiscover_tasks or scan)?"
        )

    @property
    def tasks(self) -> Registry:
        """Itself, so that `registry.tasks` reads as in Celery 1.0."""
        return self


shared = Registry()
"""Tasks declared without an application; every application sees them."""


def _check_pool(task: Any) -> None:
    """Raises ConfigurationError for a plain function that asks for the event loop: it would hold it up."""
    run = inspect.unwrap(type(task).run)
    if task.declared.pool == "async" and not inspect.iscoroutinefunction(run):
        raise ConfigurationError(
            f"task {task.name!r}: pool='async' is for `async def`, and this is a plain `def`; "
            "write async def, or pool='threads'"
        )


def _origin(task: Any) -> tuple[str, str]:
    return task.__module__, getattr(task, "__qualname__", type(task).__qualname__)


def _place(task: Any) -> str:
    source = getattr(task, "__wrapped__", type(task))
    try:
        line = f":{inspect.getsourcelines(source)[1]}"
    except (OSError, TypeError):
        line = ""
    return f"{'.'.join(_origin(task))} ({_file(source)}{line})"


def _file(source: Any) -> str:
    try:
        return inspect.getsourcefile(source) or "?"
    except TypeError:
        return "?"
