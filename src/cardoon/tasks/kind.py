"""The class of task classes: registers them, and lets each be called like its one instance."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from cardoon.engines.contract import Engine
from cardoon.model.options import PICKLE
from cardoon.model.outcome import PACKAGE
from cardoon.result import AsyncResult
from cardoon.tasks.registry import shared

S = TypeVar("S")
Q = ParamSpec("Q")
V = TypeVar("V")
X_contra = TypeVar("X_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

_ON_CLASS: set[str] = set()

if TYPE_CHECKING:

    class on_class(Generic[S, Q, V]):
        """The method as type checkers see it: of a task, or of its class, with the same arguments."""

        def __init__(self, method: Callable[Concatenate[S, Q], V]) -> None: ...
        def __get__(self, instance: S | None, owner: type[S]) -> Callable[Q, V]: ...

    def on_class_too(method: V) -> V:
        """As `on_class`, for methods whose types depend on the task in a way that only a method can say."""
        ...

    class TakesOne(Protocol[X_contra, R_co]):
        """A task that can be called with one argument."""

        def __call__(self, item: X_contra, /) -> object:
            """Run it here and now."""
            ...

        def _handle(self, id: str, engine: Engine) -> AsyncResult[R_co]: ...

else:

    def on_class(method):
        """Let the class of a task be called like its one instance."""
        _ON_CLASS.add(method.__name__)
        return method

    on_class_too = on_class


class TaskType(type):
    """Registers a class when it is defined, unless `abstract`, and lets it be called like its instance."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> TaskType:
        """The flags `abstract` and `autoregister` are of this class alone: subclasses register."""
        wanted = namespace.pop("autoregister", True) and not namespace.pop("abstract", False)
        if namespace.get("serializer") == PICKLE:
            _warn_of_pickle(namespace.get("name") or name)
        made = super().__new__(mcs, name, bases, namespace)
        if wanted and any(isinstance(base, TaskType) for base in bases):
            app = getattr(made, "app", None)
            (app.tasks if app is not None else shared).register(made)
        return made

    def __getattribute__(cls, name: str) -> Any:
        return _on_class(cls, name) if name in _ON_CLASS else super().__getattribute__(name)


def _warn_of_pickle(task: str) -> None:
    """At the line that declares it, so that who imports the module sees which."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(
        f"task {task!r}: serializer='pickle' has no effect, its arguments travel as JSON; leave it out",
        DeprecationWarning,
        stacklevel=level,
    )


def _on_class(cls: Any, name: str) -> Callable[..., Any]:
    """A method of the class's one instance; called with an instance first it is the plain function."""
    plain = inspect.getattr_static(cls, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        of_instance = args and isinstance(args[0], cls)
        return plain(*args, **kwargs) if of_instance else plain(cls.instance(), *args, **kwargs)

    return call
