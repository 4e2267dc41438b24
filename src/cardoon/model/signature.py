"""What a function takes: checks a call as Python would, packs its arguments and brings them back."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from cardoon.model import codec
from cardoon.model.errors import ArgumentsRefused, NotSerializable

_UNTYPED = inspect.Parameter.empty
_OPEN = (_UNTYPED, Any, object)
_QUICK = frozenset({str, bool, type(None)})
_SMALL, _LARGE = -(2**63), 2**63
_FLEXIBLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Signature:
    """The parameters of one task; `skip` leading ones are filled in by the worker (`self`).

    The ones named in `filled` may be left out of a call: the worker fills them in then.
    """

    def __init__(
        self, name: str, function: Callable[..., Any], skip: int = 0, filled: frozenset[str] = frozenset()
    ) -> None:
        self.name = name
        full = inspect.signature(function)
        kept = _optional(list(full.parameters.values())[skip:], filled)
        self.whole = full.replace(parameters=kept)
        hints = _hints(function)
        self.annotations = {p.name: _usable(hints.get(p.name, _UNTYPED)) for p in kept}
        self.returns = _usable(hints.get("return", _UNTYPED))
        self._positional = [p.name for p in kept if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self._types = [self.annotations[name] for name in self._positional]
        self._required = sum(p.default is _UNTYPED for p in kept if p.name in self._positional)
        self._plain = all(p.kind is p.POSITIONAL_OR_KEYWORD for p in kept)
        self._rest = next((self.annotations[p.name] for p in kept if p.kind is p.VAR_POSITIONAL), _UNTYPED)
        self._more = next((self.annotations[p.name] for p in kept if p.kind is p.VAR_KEYWORD), _UNTYPED)

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raises ArgumentsRefused, in Python's own words, when the call does not fit."""
        if self._plain and not kwargs and self._required <= len(args) <= len(self._positional):
            return
        try:
            self.whole.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentsRefused(f"{self.name}{self.whole}: {error}") from None

    def given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> set[str]:
        """The names of the parameters that a call gives a value."""
        return {*self._positional[: len(args)], *kwargs}

    def pack(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as plain data; raises NotSerializable or ArgumentsRefused naming the one at fault."""
        if self._as_they_are(args, kwargs):
            return list(args), {}
        packed = [self._pack(self._at(i), value) for i, value in enumerate(args)]
        return packed, {name: self._pack((name, self._named(name)), value) for name, value in kwargs.items()}

    def unpack(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments again; raises ArgumentsRefused when they do not fit what the task takes now."""
        if self._as_they_are(args, kwargs):
            return list(args), {}
        values = [self._unpack(self._at(i), data) for i, data in enumerate(args)]
        return values, {name: self._unpack((name, self._named(name)), data) for name, data in kwargs.items()}

    def _as_they_are(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether all arguments plainly are what they are annotated as, and plain data: most calls are so."""
        if kwargs or len(args) > len(self._types):
            return False
        for value, annotation in zip(args, self._types, strict=False):
            kind = type(value)
            if kind is not annotation and annotation is not _UNTYPED:
                return False
            if not (_SMALL < value < _LARGE if kind is int else kind in _QUICK):
                return False
        return True

    def pack_result(self, value: Any) -> Any:
        """The result as plain data; raises NotSerializable when it cannot be stored."""
        kind = type(value)
        if _SMALL < value < _LARGE if kind is int else kind in _QUICK:
            return value
        if self.returns in _OPEN:
            return codec.pack(value)
        try:
            return codec.pack_typed(value, self.returns)
        except (msgspec.ValidationError, TypeError):
            return codec.pack(value)

    def _at(self, index: int) -> tuple[str, Any]:
        if index < len(self._types):
            return self._positional[index], self._types[index]
        return f"argument {index + 1}", self._rest

    def _named(self, name: str) -> Any:
        return self.annotations.get(name, self._more)

    def _pack(self, parameter: tuple[str, Any], value: Any) -> Any:
        name, annotation = parameter
        try:
            return codec.pack(value) if annotation in _OPEN else codec.pack_typed(value, annotation)
        except NotSerializable as error:
            raise NotSerializable(f"argument {name!r} of {self.name}: {error}") from None
        except msgspec.ValidationError as error:
            raise ArgumentsRefused(_misfit(self.name, name, annotation, value, error)) from None

    def _unpack(self, parameter: tuple[str, Any], data: Any) -> Any:
        name, annotation = parameter
        try:
            return codec.unpack(data) if annotation in _OPEN else codec.unpack_typed(data, annotation)
        except (msgspec.ValidationError, NotSerializable, ValueError) as error:
            raise ArgumentsRefused(f"argument {name!r} of {self.name}: {error}") from None


def unpack_result(data: Any, annotation: Any) -> Any:
    """A stored result as its task's return annotation says, or as it travelled if it does not fit."""
    if annotation in _OPEN:
        return codec.unpack(data)
    try:
        return codec.unpack_typed(data, annotation)
    except (msgspec.ValidationError, NotSerializable, TypeError):
        return codec.unpack(data)


def _optional(parameters: list[inspect.Parameter], filled: frozenset[str]) -> list[inspect.Parameter]:
    """The parameters with the filled ones optional, where they stand if no required one follows them."""
    kept: list[inspect.Parameter] = []
    moved: list[inspect.Parameter] = []
    required_follows = False
    for parameter in reversed(parameters):
        if parameter.name not in filled or parameter.default is not _UNTYPED:
            required_follows |= parameter.default is _UNTYPED and parameter.kind not in _FLEXIBLE
            kept.insert(0, parameter)
        elif required_follows:
            moved.insert(0, parameter.replace(default=None, kind=parameter.KEYWORD_ONLY))
        else:
            kept.insert(0, parameter.replace(default=None))
    end = next((i for i, p in enumerate(kept) if p.kind is p.VAR_KEYWORD), len(kept))
    return [*kept[:end], *moved, *kept[end:]]


def _misfit(task: str, name: str, annotation: Any, value: Any, error: Exception) -> str:
    plain = isinstance(annotation, type) and not typing.get_args(annotation)
    wanted = annotation.__name__ if plain else str(annotation)
    return f"argument {name!r} of {task} must be {wanted}, not {type(value).__name__} ({error})"


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, resolved; one that cannot be resolved leaves its parameter untyped."""
    plain = inspect.unwrap(function)
    try:
        return typing.get_type_hints(plain)
    except Exception:
        hints = getattr(plain, "__annotations__", {})
        return {name: hint for name, hint in hints.items() if not isinstance(hint, str)}


def _usable(annotation: Any) -> Any:
    """The annotation if values can be checked and brought back by it; else untyped."""
    if annotation in _OPEN or annotation is None or isinstance(annotation, typing.TypeVar):
        return _UNTYPED
    try:
        msgspec.inspect.type_info(annotation)
    except Exception:
        return _UNTYPED
    return annotation


UNTYPED = _UNTYPED
"""The annotation of what has none."""
