from __future__ import annotations

import datetime as dt
import io
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from samples import Colour, Order, Person, order, person

from cardoon.model import codec
from cardoon.model.errors import ArgumentsRefused, NotSerializable
from cardoon.model.signature import UNTYPED, Signature, unpack_result

T = TypeVar("T")


def resize(path: str, width: int = 800, *, keep: bool = False) -> str:
    return path


def anything(value, *rest, **more):
    return value


class Row:
    """As an ORM makes them: a class with a mapping, an object with an id."""

    __mapper__ = object()


class HttpRequest:
    pass


def there_and_back(signature: Signature, *args: Any, **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    return signature.unpack(*signature.pack(args, kwargs))


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [(("a.jpg",), {}), (("a.jpg", 3), {}), ((), {"path": "a.jpg"}), (("a.jpg",), {"keep": True, "width": 1})],
)
def test_a_call_that_python_would_accept_fits(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    signature = Signature("resize", resize)
    signature.check(args, kwargs)
    assert there_and_back(signature, *args, **kwargs) == (list(args), kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "missing a required argument: 'path'"),
        (("a", 1, True), {}, "too many positional arguments"),
        (("a",), {"height": 1}, "got an unexpected keyword argument 'height'"),
        (("a",), {"path": "b"}, "multiple values for argument 'path'"),
    ],
)
def test_a_call_that_python_would_refuse_is_refused_in_its_words(
    args: tuple[Any, ...], kwargs: dict[str, Any], words: str
) -> None:
    with pytest.raises(ArgumentsRefused, match=words) as caught:
        Signature("shop.resize", resize).check(args, kwargs)
    assert isinstance(caught.value, TypeError)
    assert "shop.resize(path: 'str'" in str(caught.value) or "shop.resize(path: str" in str(caught.value)


def test_plain_positional_calls_are_counted() -> None:
    def add(x: int, y: int = 2) -> int:
        return x + y

    signature = Signature("add", add)
    signature.check((1,), {})
    signature.check((1, 2), {})
    for args in ((), (1, 2, 3)):
        with pytest.raises(ArgumentsRefused):
            signature.check(args, {})


def test_a_value_of_the_wrong_type_names_the_argument_and_both_types() -> None:
    with pytest.raises(ArgumentsRefused, match=r"argument 'width' of shop\.resize must be int, not str"):
        Signature("shop.resize", resize).pack(("a.jpg", "wide"), {})


def test_a_wrong_keyword_only_argument_is_named_too() -> None:
    with pytest.raises(ArgumentsRefused, match="argument 'keep' of resize must be bool, not int"):
        Signature("resize", resize).pack(("a.jpg",), {"keep": 1})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Row(), "argument 'value' of t: a database row .*Row.*: pass its primary key"),
        (HttpRequest(), "argument 'value' of t: a request .*HttpRequest.*: pass the values"),
        (io.StringIO(), "argument 'value' of t: an open file or stream .*: pass its path"),
        (object(), "argument 'value' of t: a object cannot travel to a worker"),
        (lambda: 1, "argument 'value' of t: a function cannot travel"),
        ([{"deep": (1, Row())}], "argument 'value' of t: a database row"),
        (Colour.RED, "argument 'value' of t: .* annotate it as Colour"),
    ],
    ids=["row", "request", "file", "object", "lambda", "deep", "enum"],
)
def test_what_cannot_travel_is_refused_with_the_argument_and_what_to_pass(value: Any, words: str) -> None:
    with pytest.raises(NotSerializable, match=words) as caught:
        Signature("t", anything).pack((value,), {})
    assert isinstance(caught.value, TypeError)


def test_an_open_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file, pytest.raises(NotSerializable, match="open file"):
        Signature("t", anything).pack((file,), {})


def test_arguments_beyond_the_named_ones_are_counted_in_errors() -> None:
    with pytest.raises(NotSerializable, match="'argument 3' of t"):
        Signature("t", anything).pack((1, 2, object()), {})
    with pytest.raises(NotSerializable, match="'extra' of t"):
        Signature("t", anything).pack((1,), {"extra": object()})


def test_annotated_models_come_back_in_every_kind_of_parameter() -> None:
    def ship(first: Order, *more: Order, by: Person, **colours: Colour) -> None: ...

    signature = Signature("ship", ship)
    args, kwargs = there_and_back(signature, order(), order(), order(), by=person(), box=Colour.GREEN)
    assert args == [order(), order(), order()]
    assert kwargs == {"by": person(), "box": Colour.GREEN}


def test_untyped_parameters_bring_back_what_the_codec_knows() -> None:
    values = (dt.date(2026, 1, 1), Decimal("1.5"), uuid.UUID(int=3), b"x", {1, 2}, (1, 2))
    assert there_and_back(Signature("t", anything), *values)[0] == list(values)


def test_the_parameters_filled_in_by_the_worker_may_be_left_out_of_a_call() -> None:
    def legacy(self, x: int, logfile: str, task_id: str, **more: Any) -> int:
        return x

    signature = Signature("t", legacy, skip=1, filled=frozenset({"logfile", "task_id"}))
    signature.check((1,), {})
    signature.check((1,), {"logfile": "a.log", "more": 2})
    with pytest.raises(ArgumentsRefused, match="missing a required argument: 'x'"):
        signature.check((), {})


def test_a_required_parameter_behind_a_filled_one_moves_up() -> None:
    def legacy(task_id: str, x: int) -> int:
        return x

    signature = Signature("t", legacy, filled=frozenset({"task_id"}))
    assert there_and_back(signature, 1) == ([1], {})
    assert signature.given((1,), {}) == {"x"}
    with pytest.raises(ArgumentsRefused):
        signature.check(("id", 1), {})


def test_an_annotation_that_cannot_be_resolved_leaves_its_function_untyped() -> None:
    def odd(x: Nowhere, y: T, z: object, w: None) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return x

    signature = Signature("odd", odd)
    assert set(signature.annotations.values()) == {UNTYPED}
    assert there_and_back(signature, 1, "y", b"z", None)[0] == [1, "y", b"z", None]


def test_an_annotation_that_nothing_can_be_checked_by_is_left_open() -> None:
    def odd(x: list[int] | tuple[int, ...] | Row) -> None: ...

    assert there_and_back(Signature("odd", odd), [1])[0] == [[1]]


def test_arguments_that_no_longer_fit_are_refused_at_the_worker() -> None:
    signature = Signature("resize", resize)
    for args in ([1], ["a.jpg", "wide"], ["a.jpg", {"$uuid": "x"}]):
        with pytest.raises(ArgumentsRefused, match=r"argument '(path|width)' of resize"):
            signature.unpack(args, {})


def test_a_result_comes_back_by_the_return_annotation() -> None:
    def find() -> list[Order]:
        return [order()]

    signature = Signature("find", find)
    data = signature.pack_result(find())
    assert unpack_result(data, signature.returns) == [order()]


def test_a_result_of_another_type_than_annotated_is_stored_as_it_is() -> None:
    def count() -> int:
        return 1

    signature = Signature("count", count)
    for value in ("many", None, {"a": dt.date(2026, 1, 1)}):
        data = signature.pack_result(value)
        assert unpack_result(data, signature.returns) == value


def test_a_result_that_cannot_be_stored_is_refused() -> None:
    for function in (anything, resize):
        with pytest.raises(NotSerializable):
            Signature("t", function).pack_result(object())


def test_a_scalar_is_packed_as_itself() -> None:
    args, kwargs = Signature("resize", resize).pack(("a.jpg", 300), {"keep": True})
    assert (args, kwargs) == (["a.jpg", 300], {"keep": True})
    assert codec.pack("a.jpg") == "a.jpg"
