"""Python values <-> plain data that JSON carries. A closed table of tags; nothing is ever imported.

Plain data is None, bool, int, finite float, str, list, and dict with str keys. What is more than
that travels as a dict with one key that begins with `$` (docs/wire-format.md lists them all).
Dataclasses, msgspec, attrs and pydantic models, named tuples, enums and paths travel as their
plain content and come back by annotation, so a parameter that takes one must be annotated.
"""

from __future__ import annotations

import binascii
import datetime as dt
import enum
import os
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from cardoon.model.errors import NotSerializable

MAX_DEPTH = 64
MAX_DIGITS = 4_300

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_TOO_LARGE: int = 10**MAX_DIGITS
_PLAIN = {str, bool, type(None)}


class _Packer:
    """One packing: remembers whether something needs an annotation to come back."""

    __slots__ = ("needs",)

    def __init__(self) -> None:
        self.needs: type | None = None

    def pack(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if depth > MAX_DEPTH:
            raise NotSerializable(f"nested deeper than {MAX_DEPTH} levels")
        rule = _RULES.get(kind)
        return rule(self, value, depth) if rule else self._by_class(value, depth)

    def _by_class(self, value: Any, depth: int) -> Any:
        if isinstance(value, enum.Enum):
            self.needs = self.needs or type(value)
            return self.pack(value.value, depth + 1)
        if isinstance(value, os.PathLike):
            self.needs = self.needs or _path_class(type(value))
            return self.pack(os.fspath(value), depth + 1)
        content = _content(value)
        if content is not None:
            self.needs = self.needs or type(value)
            return _RULES[type(content)](self, content, depth)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            self.needs = self.needs or type(value)
            return [self.pack(item, depth + 1) for item in value]
        for kind, rule in _RULES.items():
            if isinstance(value, kind):
                return rule(self, value, depth)
        raise NotSerializable(_why_not(value))


def _int(packer: _Packer, value: int, depth: int) -> Any:
    if _INT_MIN <= value <= _INT_MAX:
        return int(value)
    if abs(value) >= _TOO_LARGE:
        raise NotSerializable(f"an integer of more than {MAX_DIGITS} digits")
    return {"$int": str(value)}


def _float(packer: _Packer, value: float, depth: int) -> Any:
    return float(value) if value - value == 0.0 else {"$float": repr(float(value))}


def _str(packer: _Packer, value: str, depth: int) -> Any:
    return str.__str__(value)


def _list(packer: _Packer, value: Any, depth: int) -> Any:
    if set(map(type, value)) <= _PLAIN:
        return list(value)
    pack = packer.pack
    return [pack(item, depth + 1) for item in value]


def _dict(packer: _Packer, value: Any, depth: int) -> Any:
    pack = packer.pack
    if all(type(key) is str and key[:1] != "$" for key in value):
        return {key: pack(item, depth + 1) for key, item in value.items()}
    return {"$dict": [[pack(key, depth + 1), pack(item, depth + 1)] for key, item in value.items()]}


def _tagged(tag: str) -> Callable[[_Packer, Any, int], Any]:
    def rule(packer: _Packer, value: Any, depth: int) -> Any:
        return {tag: _list(packer, list(value), depth)}

    return rule


def _set(tag: str) -> Callable[[_Packer, Any, int], Any]:
    def rule(packer: _Packer, value: Any, depth: int) -> Any:
        items = _list(packer, list(value), depth)
        return {tag: sorted(items, key=repr)}

    return rule


def _timedelta(packer: _Packer, value: dt.timedelta, depth: int) -> Any:
    return {"$timedelta": [value.days, value.seconds, value.microseconds]}


_Rule = Callable[[_Packer, Any, int], Any]
_RULES: dict[type, _Rule] = {
    int: _int,
    float: _float,
    str: _str,
    list: _list,
    dict: _dict,
    tuple: _tagged("$tuple"),
    set: _set("$set"),
    frozenset: _set("$frozenset"),
    bytes: lambda _p, value, _d: {"$bytes": binascii.b2a_base64(value, newline=False).decode()},
    bytearray: lambda _p, value, _d: {"$bytes": binascii.b2a_base64(value, newline=False).decode()},
    dt.datetime: lambda _p, value, _d: {"$datetime": value.isoformat()},
    dt.date: lambda _p, value, _d: {"$date": value.isoformat()},
    dt.time: lambda _p, value, _d: {"$time": value.isoformat()},
    dt.timedelta: _timedelta,
    uuid.UUID: lambda _p, value, _d: {"$uuid": str(value)},
    Decimal: lambda _p, value, _d: {"$decimal": str(value)},
}

_READERS: dict[str, Callable[[Any], Any]] = {
    "$int": lambda data: int(_as(str, data)),
    "$float": lambda data: float(_as(str, data)),
    "$tuple": lambda data: tuple(map(_unpack, _as(list, data))),
    "$set": lambda data: set(map(_unpack, _as(list, data))),
    "$frozenset": lambda data: frozenset(map(_unpack, _as(list, data))),
    "$bytes": lambda data: binascii.a2b_base64(data, strict_mode=True),
    "$datetime": dt.datetime.fromisoformat,
    "$date": dt.date.fromisoformat,
    "$time": dt.time.fromisoformat,
    "$timedelta": lambda data: dt.timedelta(*_as(list, data)),
    "$uuid": lambda data: uuid.UUID(_as(str, data)),
    "$decimal": lambda data: Decimal(_as(str, data)),
    "$dict": lambda data: {_unpack(key): _unpack(item) for key, item in _as(list, data)},
}


def pack(value: Any) -> Any:
    """The plain data of a value that comes back as it was without help.

    Raises NotSerializable, also for what would need an annotation to come back.
    """
    packer = _Packer()
    data = packer.pack(value)
    if packer.needs is not None:
        kind = packer.needs.__qualname__
        raise NotSerializable(f"a {kind} comes back by annotation only: annotate it as {kind}")
    return data


def pack_typed(value: Any, annotation: Any) -> Any:
    """The plain data of a value that `unpack_typed` with the same annotation brings back.

    Raises NotSerializable when it cannot travel, msgspec.ValidationError when it does not fit.
    """
    packer = _Packer()
    data = packer.pack(value)
    if not _fits(value, annotation):
        unpack_typed(data, annotation)
    return data


def unpack(data: Any) -> Any:
    """The value of plain data. An unknown tag is a plain dict; a malformed one raises ValueError."""
    kind = type(data)
    if kind is not dict and kind is not list:
        return data
    try:
        return _unpack(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unpack(data: Any) -> Any:
    kind = type(data)
    if kind is list:
        return data if set(map(type, data)) <= _PLAIN else [_unpack(item) for item in data]
    if kind is not dict:
        return data
    if len(data) == 1:
        ((key, item),) = data.items()
        reader = _READERS.get(key)
        if reader is not None:
            return _read(reader, key, item)
    return {key: _unpack(item) for key, item in data.items()}


def _as(kind: type, data: Any) -> Any:
    if type(data) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(data).__name__}")
    return data


def _read(reader: Callable[[Any], Any], tag: str, item: Any) -> Any:
    try:
        return reader(item)
    except (TypeError, ArithmeticError) as error:
        raise ValueError(f"malformed {tag}: {error}") from None


def unpack_typed(data: Any, annotation: Any) -> Any:
    """The value of plain data as its annotation says; raises msgspec.ValidationError if it does not fit."""
    value = unpack(data)
    if _fits(value, annotation):
        return value
    return msgspec.convert(value, annotation, strict=True, dec_hook=_by_hook)


_SCALARS = frozenset({str, int, float, bool, bytes, dt.datetime, dt.date, uuid.UUID, Decimal, list, dict})


def _fits(value: Any, annotation: Any) -> bool:
    """Whether the value is plainly of its annotation, with no conversion needed."""
    if annotation in _SCALARS:
        return isinstance(value, annotation) and not isinstance(value, enum.Enum)
    return False


def _by_hook(kind: type, data: Any) -> Any:
    if isinstance(data, kind):
        return data
    if hasattr(kind, "__fspath__") and isinstance(data, str):
        return kind(data)
    validate = getattr(kind, "model_validate", None)
    if validate is not None:
        return validate(data)
    raise NotSerializable(_why_not_class(kind))


def _path_class(kind: type) -> type:
    """The class that people annotate: Path, not PosixPath."""
    return next((base for base in kind.__mro__ if base.__name__ in ("Path", "PurePath")), kind)


def _content(value: Any) -> dict[str, Any] | list[Any] | None:
    """The content of a dataclass, msgspec, attrs or pydantic instance; None for anything else."""
    kind = type(value)
    if isinstance(value, type) or _is_row(kind):
        return None
    if isinstance(value, msgspec.Struct):
        return _struct_content(value)
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses  # here: who has a dataclass has imported it already

        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(kind, "model_fields") and hasattr(kind, "model_dump"):
        content = kind.model_dump(value, mode="python", by_alias=True)
        return content if isinstance(content, dict) else None
    attrs_fields = getattr(kind, "__attrs_attrs__", None)
    if attrs_fields is not None:
        return {field.name: getattr(value, field.name) for field in attrs_fields}
    return None


def _struct_content(value: msgspec.Struct) -> dict[str, Any] | list[Any]:
    """With the names and the tag by which msgspec finds its fields and its class again."""
    config = value.__struct_config__
    items = {
        shown: getattr(value, name)
        for name, shown in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
    }
    if config.tag_field is not None:
        items = {config.tag_field: config.tag, **items}
    if config.array_like:
        return list(items.values())
    return {name: item for name, item in items.items() if item is not msgspec.UNSET}


def _is_row(kind: type) -> bool:
    """Whether a class is an ORM's: mapped by SQLAlchemy or a Django model."""
    return any(hasattr(kind, mark) for mark in ("__mapper__", "__table__", "_meta"))


def _why_not(value: Any) -> str:
    return _why_not_class(type(value))


def _why_not_class(kind: type) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if _is_row(kind):
        return f"a database row ({name}): pass its primary key and fetch it in the task"
    if hasattr(kind, "read") or hasattr(kind, "write"):
        return f"an open file or stream ({name}): pass its path or save it first"
    if "request" in kind.__name__.lower():
        return f"a request ({name}): pass the values that the task needs"
    return f"a {name} cannot travel to a worker: pass plain data, or its primary key"


def dumps(data: Any) -> bytes:
    """Plain data as JSON; raises UnicodeEncodeError for a lone surrogate."""
    return msgspec.json.encode(data)
