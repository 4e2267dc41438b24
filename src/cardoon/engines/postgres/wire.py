"""Arrays as PostgreSQL reads them: packed here in few calls, where the driver would go element by element."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from struct import Struct
from typing import ClassVar, TypeVar

from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_HEAD = Struct("!iiiii")
_EMPTY = Struct("!iii")
_LENGTH = Struct("!i").pack
_NULL = _LENGTH(-1)


class Array(bytes):
    """The binary form of an array; its class says of what."""

    of: ClassVar[int]
    """The type of its elements, by PostgreSQL's number; `itself` is the type of the array."""
    itself: ClassVar[int]


class Int2s(Array):
    """`smallint[]`."""

    of, itself = 21, 1005


class Int4s(Array):
    """`integer[]`."""

    of, itself = 23, 1007


class Int8s(Array):
    """`bigint[]`."""

    of, itself = 20, 1016


class Floats(Array):
    """`float8[]`."""

    of, itself = 701, 1022


class Texts(Array):
    """`text[]`."""

    of, itself = 25, 1009


class Byteas(Array):
    """`bytea[]`."""

    of, itself = 17, 1001


int2, int4, int8, float8, bool_ = (Struct(code).pack for code in ("!h", "!i", "!q", "!d", "!?"))
"""Single values in binary form."""

A = TypeVar("A", bound=Array)
_FIXED: dict[type[Array], Callable[..., bytes]] = {
    Int2s: Struct("!ih").pack,
    Int4s: Struct("!ii").pack,
    Int8s: Struct("!iq").pack,
    Floats: Struct("!id").pack,
}
_SIZES: dict[type[Array], int] = {Int2s: 2, Int4s: 4, Int8s: 8, Floats: 8}


def _array(kind: type[A], elements: list[bytes], nulls: bool) -> A:
    if not elements:
        return kind(_EMPTY.pack(0, 0, kind.of))
    return kind(_HEAD.pack(1, nulls, kind.of, len(elements), 1) + b"".join(elements))


def int2s(values: Iterable[int | None]) -> Int2s:
    """These as `smallint[]`."""
    return _numbers(Int2s, list(values))


def int4s(values: Iterable[int]) -> Int4s:
    """These as `integer[]`."""
    return _numbers(Int4s, list(values))


def int8s(values: Iterable[int]) -> Int8s:
    """These as `bigint[]`."""
    return _numbers(Int8s, list(values))


def floats(values: Iterable[float | None]) -> Floats:
    """These as `float8[]`; None is NULL."""
    return _numbers(Floats, list(values))


def _numbers(kind: type[A], values: Sequence[float | None]) -> A:
    pack, size = _FIXED[kind], _SIZES[kind]
    if None not in values:
        return _array(kind, list(map(pack, repeat(size), values)), nulls=False)
    return _array(kind, [_NULL if v is None else pack(size, v) for v in values], nulls=True)


def byteas(values: Iterable[bytes | None]) -> Byteas:
    """These as `bytea[]`; None is NULL."""
    return _array(Byteas, *_sized(values))


def texts(values: Iterable[str | None]) -> Texts:
    """These as `text[]`; None is NULL. None of them may have a NUL."""
    return _array(Texts, *_sized(None if text is None else text.encode() for text in values))


def same_texts(text: str, times: int) -> Texts:
    """The same one so many times, as `text[]`."""
    element = text.encode()
    return Texts(_HEAD.pack(1, 0, Texts.of, times, 1) + (_LENGTH(len(element)) + element) * times)


def _sized(values: Iterable[bytes | None]) -> tuple[list[bytes], bool]:
    elements = [_NULL if value is None else _LENGTH(len(value)) + value for value in values]
    return elements, _NULL in elements


def _dumper(kind: type[Array]) -> type[Dumper]:
    class Packed(Dumper):
        format = Format.BINARY
        oid = kind.itself

        def dump(self, obj: bytes) -> bytes:
            return obj

    return Packed


def teach(adapters: AdaptersMap) -> None:
    """Let a connection take such arrays as parameters."""
    for kind in (Int2s, Int4s, Int8s, Floats, Texts, Byteas):
        adapters.register_dumper(kind, _dumper(kind))
