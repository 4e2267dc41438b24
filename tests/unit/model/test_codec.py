from __future__ import annotations

import datetime as dt
import math
import os
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import BY_ANNOTATION, BY_THEMSELVES, Colour, Order, Point, Row, examples, order

from cardoon.model import codec, message
from cardoon.model.codec import pack, pack_typed, unpack, unpack_typed
from cardoon.model.errors import NotSerializable
from cardoon.model.message import Message

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | st.sampled_from(["$int", "$dict", "$tuple", "$"])
    | st.binary(max_size=20)
    | st.datetimes()
    | st.datetimes(timezones=OFFSETS)
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.decimals(allow_nan=False)
)
KEYS = HASHABLE | st.tuples(HASHABLE, HASHABLE)


def _nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(values, max_size=4)
        | st.lists(values, max_size=4).map(tuple)
        | st.dictionaries(KEYS, values, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    )


VALUES = st.recursive(HASHABLE, _nested, max_leaves=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda items: (
        st.lists(items, max_size=4)
        | st.dictionaries(TEXTS | st.sampled_from(sorted(codec._READERS)), items, max_size=2)
    ),
    max_leaves=12,
)


def travelled(data: Any) -> Any:
    """The data after a journey through the wire form of a message."""
    sent = Message(id="1", task="t", args=[data])
    return message.decode(message.encode(sent)).args[0]


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down (1, 1.0 and True differ)."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(same(a, b) for a, b in pairs)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.mark.parametrize("value", BY_THEMSELVES, ids=lambda value: repr(value)[:40])
def test_a_value_comes_back_as_it_was_without_an_annotation(value: Any) -> None:
    assert same(unpack(travelled(pack(value))), value)


@pytest.mark.parametrize("value", BY_THEMSELVES, ids=lambda value: repr(value)[:40])
def test_a_value_comes_back_as_it_was_with_its_type_as_annotation(value: Any) -> None:
    kind = type(value) if value is not None else Any
    if kind is Any:
        assert unpack(travelled(pack(value))) is None
        return
    assert same(unpack_typed(travelled(pack_typed(value, kind)), kind), value)


@pytest.mark.parametrize(("value", "annotation"), BY_ANNOTATION, ids=lambda part: repr(part)[:40])
def test_a_model_comes_back_by_its_annotation(value: Any, annotation: Any) -> None:
    back = unpack_typed(travelled(pack_typed(value, annotation)), annotation)
    assert same(back, value)


@pytest.mark.parametrize("value", [order(), Colour.RED, Path("x"), Point(1, 2), Row(1, "b"), [order()]])
def test_a_model_without_annotation_is_refused_with_the_annotation_to_write(value: Any) -> None:
    with pytest.raises(NotSerializable, match="comes back by annotation only: annotate it as"):
        pack(value)


def test_a_path_of_this_system_is_to_be_annotated_by_its_public_name() -> None:
    with pytest.raises(NotSerializable, match=r"annotate it as Path$"):
        pack(Path("x"))


def test_a_path_of_bytes_is_packed_as_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (entry,) = os.scandir(os.fsencode(tmp_path))
    assert unpack(pack_typed(entry, Any)) == os.fsencode(tmp_path / "f")


@examples
@given(VALUES)
def test_whatever_is_packed_comes_back_the_same(value: Any) -> None:
    assert same(unpack(pack(value)), value)


@examples
@given(VALUES)
def test_whatever_is_packed_survives_the_wire(value: Any) -> None:
    assert same(unpack(travelled(pack(value))), value)


@examples
@given(PLAIN)
def test_plain_data_with_keys_that_look_like_tags_survives(value: Any) -> None:
    assert same(unpack(travelled(pack(value))), value)


def test_not_a_number_comes_back_as_not_a_number() -> None:
    assert math.isnan(unpack(travelled(pack(float("nan")))))
    assert unpack(travelled(pack(Decimal("nan")))).is_nan()


def test_a_named_zone_comes_back_as_its_offset_and_means_the_same_moment() -> None:
    berlin = dt.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    back = unpack(travelled(pack(berlin)))
    assert back == berlin
    assert back.utcoffset() == dt.timedelta(hours=2)


def test_equal_sets_have_one_wire_form() -> None:
    assert pack({"a", "b", "c", "d"}) == pack({"d", "c", "b", "a"})


def test_subclasses_of_plain_types_travel_as_the_plain_type() -> None:
    class Name(str):
        __slots__ = ()

    class Ages(dict[str, int]):
        pass

    assert same(pack([Name("Ada"), Ages(Ada=36)]), ["Ada", {"Ada": 36}])


def test_nesting_deeper_than_the_limit_is_refused() -> None:
    value: Any = 1
    for _ in range(codec.MAX_DEPTH):
        value = [value]
    assert unpack(travelled(pack(value))) == value
    with pytest.raises(NotSerializable, match="nested deeper than 64 levels"):
        pack([value])


def test_a_list_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NotSerializable, match="nested deeper"):
        pack(loop)


def test_an_integer_of_4300_digits_travels_and_one_of_4301_is_refused() -> None:
    largest = 10**codec.MAX_DIGITS - 1
    assert unpack(travelled(pack(-largest))) == -largest
    for value in (largest + 1, -largest - 1):
        with pytest.raises(NotSerializable, match="more than 4300 digits"):
            pack(value)


def test_a_lone_surrogate_is_refused_when_the_message_is_encoded() -> None:
    with pytest.raises(UnicodeEncodeError):
        message.encode(Message(id="1", task="t", args=[pack("\ud800")]))


def test_a_database_row_is_refused_with_what_to_pass_instead() -> None:
    class Invoice:
        _meta = object()

    with pytest.raises(NotSerializable, match=r"a database row .*Invoice.*: pass its primary key"):
        pack(Invoice())


def test_a_row_that_is_a_pydantic_model_too_is_refused_as_a_row() -> None:
    class Hero:
        __table__ = object()
        model_fields = ()

        def model_dump(self, **_options: Any) -> dict[str, Any]:
            return {"id": 1}

    with pytest.raises(NotSerializable, match="primary key"):
        pack_typed(Hero(), Any)


def test_a_class_is_no_value() -> None:
    with pytest.raises(NotSerializable):
        pack(Order)


@pytest.mark.parametrize(
    "data",
    [
        {"$int": "x"},
        {"$int": 1.5},
        {"$int": "9" * 5000},
        {"$float": None},
        {"$tuple": "ab"},
        {"$tuple": {"a": 1}},
        {"$set": [[1]]},
        {"$frozenset": 3},
        {"$bytes": "!"},
        {"$bytes": None},
        {"$bytes": "\N{SNOWMAN}"},
        {"$datetime": 5},
        {"$datetime": "yesterday"},
        {"$date": ""},
        {"$time": []},
        {"$timedelta": [1e300]},
        {"$timedelta": 5},
        {"$uuid": 3},
        {"$uuid": "3"},
        {"$decimal": "one"},
        {"$decimal": {}},
        {"$dict": "ab"},
        {"$dict": [[1]]},
        {"$dict": [[[1], 2]]},
        [[{"a": {"$uuid": "3"}}]],
    ],
    ids=repr,
)
def test_a_malformed_tag_raises_value_error(data: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(data)


def test_data_nested_beyond_every_stack_raises_value_error() -> None:
    data: Any = 1
    for _ in range(sys.getrecursionlimit() * 2):
        data = [data]
    with pytest.raises(ValueError, match="nested too deeply"):
        unpack(data)


def test_an_unknown_tag_is_a_plain_dict() -> None:
    assert unpack({"$later": [{"$int": "3"}]}) == {"$later": [3]}


def test_reading_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = [pack(value) for value in BY_THEMSELVES]
    hostile: list[Any] = [{"$import": "os"}, {"$class": "subprocess.Popen"}, {"py/object": "os.system"}]
    for data in packed:
        unpack(data)  # the first call of datetime.fromisoformat and others may import what it is made of

    def refuse(name: str, *_rest: object) -> None:
        raise AssertionError(f"{name} was imported")

    monkeypatch.setattr("builtins.__import__", refuse)
    for data in [*packed, *hostile]:
        unpack(data)
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("text", int),
        (3, bool),
        (1.0, int),
        ([1, "x"], list[int]),
        ({"a": 1}, dict[str, str]),
        (1, str),
        (b"x", str),
    ],
    ids=repr,
)
def test_a_value_that_does_not_fit_its_annotation_is_refused(value: Any, annotation: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        pack_typed(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation", "back"),
    [
        ((1, 2), list[int], [1, 2]),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, 2], set[int], {1, 2}),
        (1, float, 1.0),
        ("red", Colour, Colour.RED),
        (None, int | None, None),
        (str(uuid.UUID(int=1)), uuid.UUID, uuid.UUID(int=1)),
    ],
    ids=repr,
)
def test_an_annotation_may_make_the_nearest_value_its_own(value: Any, annotation: Any, back: Any) -> None:
    assert same(unpack_typed(pack_typed(value, annotation), annotation), back)
