"""The golden files are what version 1 looks like for ever: a change of one is a new version."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import BY_THEMSELVES, examples

from cardoon.model import codec, message
from cardoon.model.message import Message, Unreadable

GOLDEN = Path(__file__).parent.parent / "golden"
VALUES = [value for value in BY_THEMSELVES if len(repr(value)) < 200]

MINIMAL = Message(id="0195a7c0-0000-7000-8000-000000000001", task="shop.tasks.resize")
FULL = Message(
    id="0195a7c0-0000-7000-8000-000000000002",
    task="shop.tasks.resize",
    args=["cat.jpg"],
    kwargs={"width": 300},
    queue="images",
    priority=0,
    sent=1_700_000_000.25,
    due=1_700_000_060.5,
    expires=1_700_003_600.0,
    time_limit=30.0,
    soft_time_limit=25.0,
    ignore_result=False,
    root="0195a7c0-0000-7000-8000-00000000000a",
    parent="0195a7c0-0000-7000-8000-00000000000b",
    headers={"trace": "00-abc-def-01"},
)
LINKED = Message(
    id="0195a7c0-0000-7000-8000-000000000003",
    task="shop.tasks.resize",
    link=[
        Message(
            id="0195a7c0-0000-7000-8000-000000000004",
            task="shop.tasks.publish",
            args=[True],
            headers={"immutable": True},
            link=[Message(id="0195a7c0-0000-7000-8000-000000000005", task="shop.tasks.tell")],
        )
    ],
    link_error=[Message(id="0195a7c0-0000-7000-8000-000000000006", task="shop.tasks.complain")],
)
TAGGED = Message(id="0195a7c0-0000-7000-8000-000000000007", task="t", args=[codec.pack(VALUES)])

MESSAGES = {"minimal": MINIMAL, "full": FULL, "linked": LINKED, "values": TAGGED}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_the_wire_form_of_its_golden_file(name: str) -> None:
    assert message.encode(MESSAGES[name]) == (GOLDEN / f"message-1-{name}.json").read_bytes()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_golden_file_is_read_as_its_message(name: str) -> None:
    assert message.decode((GOLDEN / f"message-1-{name}.json").read_bytes()) == MESSAGES[name]


def test_the_values_of_the_golden_file_are_unpacked_as_they_were() -> None:
    back = message.decode((GOLDEN / "message-1-values.json").read_bytes())
    assert codec.unpack(back.args[0]) == VALUES


def test_every_field_stands_in_the_golden_files() -> None:
    texts = [json.loads((GOLDEN / f"message-1-{name}.json").read_bytes()) for name in MESSAGES]
    assert {key for text in texts for key in text} == {"v", *Message.__struct_fields__}


def test_unknown_keys_are_passed_over() -> None:
    newer = (GOLDEN / "message-1-unknown-keys.json").read_bytes()
    assert message.decode(newer) == MINIMAL


def test_a_message_without_version_is_read_as_version_1() -> None:
    assert message.decode(b'{"id":"1","task":"t"}') == Message(id="1", task="t")


@pytest.mark.parametrize("text", ['{"v":2,"id":"1","task":"t"}', '{"v":99999999999999999999,"work":{}}'])
def test_a_newer_version_asks_for_an_upgrade(text: str) -> None:
    with pytest.raises(Unreadable, match=r"envelope version \d+, this Cardoon reads 1: upgrade the workers"):
        message.decode(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"\x80\x04\x95pickle",
        b'{"v":0,"id":"1","task":"t"}',
        b'{"v":-1,"id":"1","task":"t"}',
        b'{"v":"1","id":"1","task":"t"}',
        b'{"v":1}',
        b'{"v":1,"id":"1"}',
        b'{"v":1,"id":1,"task":"t"}',
        b'{"v":1,"id":"1","task":"t","priority":"high"}',
        b'{"v":1,"id":"1","task":"t","due":1e999}',
        rb'{"v":1,"id":"\ud800","task":"t"}',
        b'{"v":1,"id":"1","task":"t"} and more',
        b'{"v":1,"id":"1","task":"t","args":' + b"[" * 100_000,
        b'{"v":1,"id":"1","task":"t","link":[{"v":2,"id":"2","task":"t"}]}',
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_message_is_unreadable_with_a_reason(data: bytes) -> None:
    with pytest.raises(Unreadable, match="not a message"):
        message.decode(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda items: (
        st.lists(items, max_size=3)
        | st.dictionaries(
            st.sampled_from(["v", *Message.__struct_fields__, "$int", "$dict"]) | st.text(), items, max_size=5
        )
    ),
    max_leaves=10,
)


@examples
@given(st.binary(max_size=200) | JSON.map(lambda data: json.dumps(data).encode()))
def test_decode_raises_nothing_but_unreadable(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(message.decode(data), Message)


@examples
@given(st.data())
def test_a_damaged_message_is_read_or_unreadable(data: st.DataObject) -> None:
    good = bytearray(message.encode(FULL))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Unreadable):
        damaged = bytes(good[: data.draw(st.integers(place, len(good)))])
        assert isinstance(message.decode(damaged), Message)


def test_defaults_do_not_travel() -> None:
    assert json.loads(message.encode(MINIMAL)) == {"v": 1, "id": MINIMAL.id, "task": MINIMAL.task}


def test_a_message_is_changed_by_copy_only() -> None:
    with pytest.raises(AttributeError):
        MINIMAL.queue = "other"  # type: ignore[misc]
    assert msgspec.structs.replace(MINIMAL, queue="other").queue == "other"


def _write_golden_files() -> None:
    """For a new version only: `python tests/unit/model/test_message.py`."""
    for name, sent in MESSAGES.items():
        (GOLDEN / f"message-1-{name}.json").write_bytes(message.encode(sent))
    unknown: dict[str, Any] = json.loads(message.encode(MINIMAL)) | {"later": {"a": [1]}, "more": None}
    (GOLDEN / "message-1-unknown-keys.json").write_text(json.dumps(unknown))


if __name__ == "__main__":
    _write_golden_files()
