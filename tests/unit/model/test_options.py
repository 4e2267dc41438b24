from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from samples import FakeClock

from cardoon.model import options
from cardoon.model.errors import ConfigurationError, InvalidOption, UnknownOption
from cardoon.model.options import ALIASES, TaskOptions


def test_without_a_word_a_task_has_the_defaults() -> None:
    assert TaskOptions.checked("t", {}) == TaskOptions()


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_the_other_spelling_of_an_option_is_understood(alias: str, name: str) -> None:
    value: Any = 7 if "delay" in alias else OSError
    checked = TaskOptions.checked("t", {alias: value})
    assert checked == TaskOptions.checked("t", {name: value})
    assert checked != TaskOptions()


def test_one_option_in_two_spellings_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="retry_for is given twice"):
        TaskOptions.checked("t", {"autoretry_for": OSError, "retry_for": ValueError})


def test_an_unknown_option_names_the_task_and_the_nearest_name() -> None:
    words = "task 'shop.resize' has no option 'max_retrys'; did you mean 'max_retries'"
    with pytest.raises(UnknownOption, match=words):
        TaskOptions.checked("shop.resize", {"max_retrys": 3})


def test_an_option_like_no_other_gets_no_guess() -> None:
    with pytest.raises(UnknownOption) as caught:
        TaskOptions.checked("t", {"zzz": 3})
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("given", [-1, 10, True, 1.0, "5", None])
def test_a_priority_is_a_whole_number_from_0_to_9(given: Any) -> None:
    with pytest.raises(InvalidOption, match="from 0 \\(first\\) to 9"):
        options.priority(given)
    assert [options.priority(number) for number in (0, 9)] == [0, 9]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"priority": 11}, "priority"),
        ({"queue": ""}, "cannot name a queue"),
        ({"queue": "a,b"}, "cannot name a queue"),
        ({"queue": "a\nb"}, "cannot name a queue"),
        ({"retry_for": "OSError"}, "retry_for takes exception classes"),
        ({"dont_retry_for": [OSError, 3]}, "dont_retry_for takes exception classes"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"default_retry_delay": -1}, "default_retry_delay"),
        ({"retry_backoff": float("nan")}, "retry_backoff"),
        ({"retry_backoff_max": float("inf")}, "retry_backoff_max"),
        ({"time_limit": "10"}, "time_limit"),
        ({"time_limit": 10, "soft_time_limit": 20}, r"soft_time_limit \(20 s\) must not be above .*\(10 s\)"),
    ],
    ids=repr,
)
def test_a_wrong_value_names_the_task_and_the_option(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        TaskOptions.checked("shop.resize", given)
    if "queue" not in given:
        assert "task 'shop.resize'" in str(caught.value)


def test_one_exception_class_or_several_may_be_given() -> None:
    assert TaskOptions.checked("t", {"retry_for": OSError}).retry_for == (OSError,)
    assert TaskOptions.checked("t", {"retry_for": [OSError, KeyError]}).retry_for == (OSError, KeyError)


def test_durations_may_be_timedeltas_and_true_is_one_second() -> None:
    checked = TaskOptions.checked("t", {"time_limit": timedelta(minutes=1), "retry_backoff": True})
    assert (checked.time_limit, checked.retry_backoff) == (60.0, 1.0)


def test_the_options_given_are_left_as_they_were() -> None:
    given = {"autoretry_for": OSError, "time_limit": timedelta(seconds=5)}
    TaskOptions.checked("t", given)
    assert given == {"autoretry_for": OSError, "time_limit": timedelta(seconds=5)}


def test_the_retry_policy_follows_from_the_options() -> None:
    policy = TaskOptions.checked("t", {"retry_for": OSError, "max_retries": None, "retry_backoff": 2}).retry
    assert (policy.retry_for, policy.max_retries, policy.backoff) == ((OSError,), None, 2.0)


def test_a_naive_datetime_is_refused_with_how_to_write_it() -> None:
    with pytest.raises(
        InvalidOption, match=r"eta must be an aware datetime.*for UTC: 2026-01-02T03:00:00\+00:00"
    ):
        options.due(datetime(2026, 1, 2, 3), None)


def test_eta_and_countdown_together_are_refused() -> None:
    with pytest.raises(InvalidOption, match="eta or countdown, not both"):
        options.due(datetime(2026, 1, 1, tzinfo=UTC), 5)


def test_an_eta_that_is_no_datetime_is_refused() -> None:
    with pytest.raises(InvalidOption, match="for seconds use countdown="):
        options.due(10, None)


@pytest.mark.parametrize("countdown", [-1, float("nan"), float("inf"), 10**400, "soon"])
def test_a_countdown_that_never_ends_or_runs_backwards_is_refused(countdown: Any) -> None:
    with pytest.raises(InvalidOption, match="countdown must be seconds"):
        options.due(None, countdown)


def test_a_job_is_due_at_its_eta_or_after_its_countdown(fake: FakeClock) -> None:
    eta = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert options.due(eta, None) == datetime(2026, 1, 1, 10, tzinfo=UTC).timestamp()
    assert options.due(None, 5) == fake.seconds + 5
    assert options.due(None, timedelta(minutes=1)) == fake.seconds + 60
    assert options.due(None, None) is None
    assert options.due(None, 0) is None


def test_the_first_unknown_name_of_a_call_is_refused_with_the_nearest() -> None:
    options.unknown(["eta"], ["eta", "queue"], "apply_async")
    with pytest.raises(InvalidOption, match="apply_async has no option 'qeue'; did you mean 'queue'"):
        options.unknown(["eta", "qeue"], ["eta", "queue"], "apply_async")
