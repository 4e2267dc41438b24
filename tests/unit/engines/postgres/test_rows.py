"""Texts as PostgreSQL keeps them, and ids that tell when they were made."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from cardoon.engines.postgres.rows import (
    made,
    not_before,
    order,
    order_of_newest,
    order_of_oldest,
    stored,
    told,
)
from cardoon.model import clock

TEXTS = st.text(st.sampled_from("\0\1\2a"), max_size=12) | st.text()


@given(TEXTS)
def test_every_text_comes_back_and_is_kept_without_nul(text: str) -> None:
    assert told(stored(text)) == text
    assert "\0" not in stored(text)


@given(TEXTS, TEXTS)
def test_two_texts_are_kept_as_two(one: str, other: str) -> None:
    assert (stored(one) == stored(other)) is (one == other)


def test_an_id_of_ours_tells_when_it_was_made() -> None:
    before = time.time()
    assert before - 0.002 <= made(clock.new_id()) <= time.time()


def test_no_job_of_a_new_id_ended_long_ago() -> None:
    assert not_before([clock.new_id(), clock.new_id()]) > time.time() - 2 * 86_400


def test_of_other_ids_nothing_is_known() -> None:
    for id in ("order-4711", "01a1ff31-543b-543d-99b1-386f260869de", "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx"):
        assert not_before([clock.new_id(), id]) == float("-inf")
    assert not_before([]) == float("-inf")


def test_ids_of_ours_are_ordered_by_when_they_were_made() -> None:
    ids = [clock.new_id() for _ in range(100)]
    assert sorted(map(order, ids)) == list(map(order, sorted(ids)))
    assert (order_of_oldest(ids), order_of_newest(ids)) == (order(min(ids)), order(max(ids)))


def test_an_id_of_another_kind_hides_the_oldest_but_not_the_newest() -> None:
    new = clock.new_id()
    for odd in ("order-4711", new.upper(), f"{new}\n", new[:-1]):
        assert (order_of_oldest([new, odd]), order_of_newest([new, odd])) == (-1, order(new))
    assert (order_of_oldest([]), order_of_newest([])) == (-1, -1)


def test_an_id_from_a_clock_ahead_is_no_excuse() -> None:
    ahead = "ffffffff-ffff-7fff-bfff-ffffffffffff"
    for ids in ([ahead], [clock.new_id(), ahead]):
        assert not_before(ids) == float("-inf")
