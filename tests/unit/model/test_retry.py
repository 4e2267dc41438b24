from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import FakeClock, examples

from cardoon.model.retry import RetryPolicy


def test_without_backoff_every_delay_is_the_same() -> None:
    policy = RetryPolicy(delay=7.0)
    assert [policy.delay_after(n) for n in (0, 1, 50)] == [7.0, 7.0, 7.0]


def test_with_backoff_the_delay_doubles_up_to_its_ceiling() -> None:
    policy = RetryPolicy(backoff=3.0, backoff_max=50.0, jitter=False)
    assert [policy.delay_after(n) for n in range(6)] == [3.0, 6.0, 12.0, 24.0, 48.0, 50.0]


def test_a_backoff_after_very_many_retries_is_its_ceiling() -> None:
    assert RetryPolicy(backoff=1.0, jitter=False).delay_after(100_000) == 600.0


def test_jitter_takes_a_part_of_the_delay_by_chance(fake: FakeClock) -> None:
    policy = RetryPolicy(backoff=4.0)
    fake.chance = 0.25
    assert [policy.delay_after(n) for n in range(3)] == [1.0, 2.0, 4.0]


@examples
@given(st.floats(0.01, 1e6), st.floats(0, 1e6), st.integers(0, 10**6))
def test_jitter_stays_between_nothing_and_the_delay(backoff: float, most: float, retries: int) -> None:
    policy = RetryPolicy(backoff=backoff, backoff_max=most)
    plain = RetryPolicy(backoff=backoff, backoff_max=most, jitter=False)
    assert 0 <= policy.delay_after(retries) <= plain.delay_after(retries) <= most


def test_a_policy_allows_as_many_retries_as_it_says() -> None:
    policy = RetryPolicy(max_retries=2)
    assert [policy.allows(n) for n in range(4)] == [True, True, False, False]


def test_a_call_may_say_another_number_of_retries() -> None:
    assert RetryPolicy(max_retries=0).allows(4, max_retries=5)
    assert not RetryPolicy(max_retries=None).allows(5, max_retries=5)


def test_an_endless_policy_always_allows_one_more() -> None:
    assert RetryPolicy(max_retries=None).allows(10**9)


@pytest.mark.parametrize(
    ("error", "covered"),
    [(ConnectionError(), True), (OSError(), True), (FileNotFoundError(), False), (ValueError(), False)],
    ids=repr,
)
def test_errors_are_covered_unless_they_are_excepted(error: Exception, covered: bool) -> None:
    policy = RetryPolicy(retry_for=(OSError,), dont_retry_for=(FileNotFoundError,))
    assert policy.covers(error) is covered


def test_a_policy_without_errors_covers_none() -> None:
    assert not RetryPolicy().covers(OSError())
