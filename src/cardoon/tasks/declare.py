"""`@task` and `@app.task`: from a function to a task, with or without options."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

from cardoon.model.errors import ConfigurationError, IncompleteTask
from cardoon.model.options import TaskOptions
from cardoon.tasks.door import Door, module_name
from cardoon.tasks.registry import Registry, shared
from cardoon.tasks.task import Task

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


class Decorator(Protocol):
    """`@task(...)` with options: takes the function."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, Coroutine[Any, Any, R], R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, R]: ...
    def __call__(self, function: Callable[..., Any], /) -> Any:
        """The task of the function."""


class BoundDecorator(Protocol):
    """`@task(bind=True, ...)`: the function's first parameter is the task itself."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, R]], /
    ) -> Task[P, Coroutine[Any, Any, R], R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[S, P], R], /) -> Task[P, R, R]: ...
    def __call__(self, function: Callable[..., Any], /) -> Any:
        """The task of the function."""


class Declare(Protocol):
    """The type of `task` in all its forms: bare, with options, bound."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, Coroutine[Any, Any, R], R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, R]: ...
    @overload
    def __call__(
        self, *, bind: Literal[True], name: str = ..., base: Any = ..., **options: Any
    ) -> BoundDecorator: ...
    @overload
    def __call__(
        self, *, bind: Literal[False] = ..., name: str = ..., base: Any = ..., **options: Any
    ) -> Decorator: ...
    def __call__(self, *args: Any, **options: Any) -> Any:
        """Declare a task."""


def declaring(app: Door | None, **defaults: Any) -> Declare:
    """The decorator that declares tasks of this application, or of none; `defaults` are options."""

    def task(*functions: Any, **options: Any) -> Any:
        """Declare a task, bare or with options; without an application the current one sends it."""
        if len(functions) > 1 or (functions and not callable(functions[0])):
            raise ConfigurationError("@task takes one function, and options by name: @task(queue=...)")
        options = {**defaults, **options}
        if not functions:
            return functools.partial(declare, app, options)
        return declare(app, options, functions[0])

    return task


def declare(app: Door | None, options: dict[str, Any], function: Callable[..., Any]) -> Task[..., Any, Any]:
    """The task of a function, registered; raises ConfigurationError for options that are wrong."""
    given = dict(options)
    name, bind, base = given.pop("name", None), given.pop("bind", False), given.pop("base", None) or Task
    given.pop("abstract", None)
    _check_importable(function, name)
    name = name or f"{module_name(function.__module__, app)}.{function.__name__}"
    TaskOptions.checked(name, given)
    body = {
        **given,
        "name": name,
        "run": function if bind else staticmethod(function),
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "abstract": True,
        **({"app": app} if app is not None else {}),
    }
    kind: Any = type(base)
    made: Task[..., Any, Any] = kind(function.__name__, (base,), body).instance()
    functools.update_wrapper(made, function, updated=())
    registry: Registry = app.tasks if app is not None else shared
    return registry.register(made)


def _check_importable(function: Callable[..., Any], name: str | None) -> None:
    qualname = getattr(function, "__qualname__", "")
    if not qualname:
        raise IncompleteTask(f"{function!r} is no function; decorate a function, or derive a class from Task")
    if name is None and ("<lambda>" in qualname or "<locals>" in qualname):
        raise IncompleteTask(
            f"{function.__module__}.{qualname} is a lambda or nested function, which no worker can import; "
            "move it to the top of its module, or give it a name="
        )


task = declaring(None)
"""Declare a task of no application in particular; whichever is current when it is called sends it."""
