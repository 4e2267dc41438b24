"""Kinds of values that a task may take, for the tests of the codec and of signatures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pydantic
from hypothesis import settings

examples = settings(max_examples=200, deadline=None, print_blob=True)
"""For properties: no deadline, because the machine of a test may be busy."""


class FakeClock:
    """Moments that stand still until a test moves them, and a chance that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0
        self.chance = 0.5

    def time(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds - 1_000_000_000.0

    def random(self) -> float:
        return self.chance

    def move(self, seconds: float) -> None:
        self.seconds += seconds


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Shape(enum.StrEnum):
    ROUND = "round"


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Line:
    name: str
    price: Decimal


@dataclasses.dataclass
class Order:
    id: uuid.UUID
    lines: list[Line]
    tags: set[str]
    placed: dt.datetime
    notes: dict[int, str] = dataclasses.field(default_factory=dict)
    colour: Colour = Colour.RED
    file: Path | None = None


class Parcel(msgspec.Struct, rename="camel"):
    gross_weight: float
    due_date: dt.date


class Row(msgspec.Struct, array_like=True):
    a: int
    b: str


class Cat(msgspec.Struct, tag="cat"):
    name: str


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Person(pydantic.BaseModel):
    full_name: str = pydantic.Field(alias="fullName")
    born: dt.date
    friends: list[Person] = []


def order() -> Order:
    return Order(
        id=uuid.UUID(int=7),
        lines=[Line("soap", Decimal("1.10")), Line("tea", Decimal("3.00"))],
        tags={"new", "gift"},
        placed=dt.datetime(2026, 2, 3, 4, 5, 6, 7, dt.UTC),
        notes={1: "first", 2: "second"},
        colour=Colour.GREEN,
        file=Path("invoices/1.pdf"),
    )


def person() -> Person:
    ada = Person(fullName="Ada", born=dt.date(1815, 12, 10))
    return Person(fullName="Mary", born=dt.date(1780, 12, 26), friends=[ada])


CEST = dt.timezone(dt.timedelta(hours=2))

BY_THEMSELVES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    -(2**63) - 1,
    10**4299,
    0.5,
    float("inf"),
    float("-inf"),
    "",
    "text",
    "\x00 in the middle \x00",
    "\N{SNOWMAN}\N{PILE OF POO}",
    [],
    [1, [2, [3]]],
    {},
    {"a": {"b": [None]}},
    (),
    (1, (2, [3])),
    set(),
    {1, 2, 3},
    frozenset({"a"}),
    {(1, 2), (3, 4)},
    {frozenset({1})},
    b"",
    bytes(range(256)),
    dt.datetime(2026, 1, 2, 3, 4, 5, 678901),
    dt.datetime(2026, 1, 2, 3, 4, 5, 678901, dt.UTC),
    dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=CEST),
    dt.datetime.min,
    dt.datetime.max,
    dt.date(2026, 1, 2),
    dt.time(3, 4, 5, 6),
    dt.time(3, 4, tzinfo=dt.UTC),
    dt.timedelta(days=-1, seconds=3, microseconds=5),
    dt.timedelta.max,
    uuid.UUID(int=1),
    Decimal("1.10"),
    Decimal("-0"),
    Decimal("Infinity"),
    {1: "a", 2: "b"},
    {(1, 2): "tuple key", None: "none key"},
    {"$int": "3"},
    {"$unknown": 1},
    {"$a": 1, "b": 2},
    {"$dict": [[1, 2]]},
    [{"$tuple": [1]}, (1,)],
    {"when": dt.date(2026, 1, 1), "what": [Decimal(1), b"x"]},
]
"""Values that come back equal and of the same type without an annotation."""

BY_ANNOTATION: list[tuple[Any, Any]] = [
    (Colour.RED, Colour),
    (Size.LARGE, Size),
    (Shape.ROUND, Shape),
    (Path("a/b.txt"), Path),
    (Point(1, 2), Point),
    (Line("soap", Decimal("1.1")), Line),
    (order(), Order),
    ([order(), order()], list[Order]),
    (Parcel(1.5, dt.date(2026, 1, 2)), Parcel),
    (Row(1, "b"), Row),
    (Cat("Tom"), Cat),
    ([Dog("Rex"), Cat("Tom")], list[Cat | Dog]),
    (person(), Person),
    ([person()], list[Person]),
    ({Colour.RED: 1}, dict[Colour, int]),
    ({Shape.ROUND: Size.SMALL}, dict[Shape, Size]),
    ({"a": Path("x")}, dict[str, Path]),
    ((Colour.RED, Path("x")), tuple[Colour, Path]),
    (bytearray(b"abc"), bytearray),
]
"""Values that come back by their annotation."""
