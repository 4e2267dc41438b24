"""Jobs as Redis keeps them, and back."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardoon.engines.redis.folding import folded, unfolded
from cardoon.engines.redis.keys import id_of, key_of, keys_of
from cardoon.engines.redis.records import data_of, loose_task
from cardoon.model import clock
from cardoon.model.message import Message, encode

UUIDS = st.uuids().map(str)
WORDS = st.floats() | st.lists(st.integers())
IDS = st.text() | UUIDS | UUIDS.map(str.upper) | st.text(min_size=15, max_size=17)


@given(IDS)
def test_an_id_is_what_its_key_says(id: str) -> None:
    assert id_of(key_of(id)) == id


@given(st.lists(IDS, unique=True, max_size=30))
def test_no_two_ids_have_one_key(ids: list[str]) -> None:
    assert len({key_of(id) for id in ids}) == len(ids)


@given(st.lists(UUIDS) | st.lists(IDS) | st.lists(UUIDS | st.lists(UUIDS).map("\n".join)))
def test_many_keys_are_those_of_each_id(ids: list[str]) -> None:
    assert keys_of(ids) == list(map(key_of, ids))


def test_the_key_of_our_own_ids_is_short() -> None:
    assert len(key_of(clock.new_id())) == 16


@given(
    IDS,
    st.text(),
    st.floats(),
    st.lists(st.text()),
    st.dictionaries(st.sampled_from(["sent", "args"]), WORDS),
)
def test_a_folded_message_is_whole_again(
    id: str, task: str, sent: float, args: list[Any], kwargs: dict[str, Any]
) -> None:
    message = Message(id=id, task=task, sent=sent, args=args, kwargs={"a": 1, **kwargs})
    assert unfolded(id, folded(key_of(id), message)) == encode(message)


@pytest.mark.parametrize("sent", [0, 0.0, -0.0, 1.5, 2, 1763800000.123456, 1e22, math.inf, math.nan])
def test_what_looks_like_the_moment_is_not_taken_for_it(sent: float) -> None:
    like = {"a": 1, "sent": sent, "args": [{"b": 2, "sent": 1.57, "args": []}]}
    inner = Message(id=clock.new_id(), task="t", sent=sent, args=[like])
    message = Message(id=clock.new_id(), task=',"args":[', args=[like, '],"sent":'], sent=sent, link=[inner])
    body = unfolded(message.id, folded(key_of(message.id), message))
    assert msgspec.json.decode(body) == msgspec.json.decode(encode(message))
    assert isinstance(sent, int) or body == encode(message)


def test_our_own_messages_are_folded() -> None:
    message = Message(id=clock.new_id(), task="shop.resize", args=[1, 2], sent=1763800000.123456)
    assert folded(key_of(message.id), message)[:-8] == b'"shop.resize"\x011,2]\x02'


@pytest.mark.parametrize("size", [0, 1, 31, 32, 255, 256, 65_535, 65_536])
def test_text_of_any_length_is_taken_out_of_its_msgpack(size: int) -> None:
    assert data_of(msgspec.Raw(msgspec.msgpack.encode("x" * size))) == b"x" * size


def test_nothing_is_told_from_empty() -> None:
    assert data_of(msgspec.Raw(msgspec.msgpack.encode(False))) is None


@pytest.mark.parametrize(
    ("body", "task"),
    [
        (b'{"v":2,"task":"shop.new","args":{}}', "shop.new"),
        (b'{"v":1}', ""),
        (b"\xff", ""),
        (b'{"task":3}', ""),
    ],
)
def test_the_task_of_a_newer_envelope_is_made_out(body: bytes, task: str) -> None:
    assert loose_task(body) == task
