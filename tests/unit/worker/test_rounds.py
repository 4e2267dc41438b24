"""When services are called, with a clock that is moved."""

from __future__ import annotations

from itertools import pairwise

import pytest
from specimens import StillClock

from cardoon.model.errors import EngineUnavailable
from cardoon.worker.guard import Guard
from cardoon.worker.services.rounds import Rounds


class Often:
    """Called every second."""

    every = 1.0

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    def run(self) -> None:
        self.calls += 1
        if self.error:
            raise self.error


class Rare(Often):
    """Called every two seconds."""

    every = 2.0


@pytest.fixture
def often(still: StillClock) -> Often:
    return Often()


@pytest.fixture
def rare(still: StillClock) -> Rare:
    return Rare()


@pytest.fixture
def rounds(often: Often, rare: Rare) -> Rounds:
    return Rounds([often, rare], Guard(lambda: None))


def test_all_are_called_at_first(rounds: Rounds, often: Often, rare: Rare) -> None:
    rounds.run()
    assert (often.calls, rare.calls) == (1, 1)


def test_each_is_called_at_its_own_pace(rounds: Rounds, often: Often, rare: Rare, still: StillClock) -> None:
    for _ in range(100):
        rounds.run()
        still.moment = min(rounds.moments())
    assert rare.calls == pytest.approx(often.calls / 2, abs=1)


def test_what_is_nearly_due_is_called_with_what_is(
    rounds: Rounds, often: Often, rare: Rare, still: StillClock
) -> None:
    rounds.run()
    still.moment += 1.0
    rounds.run()
    still.moment += 0.6  # the rare one is due in 0.4 s, a fifth of its pace; the other one is not yet
    rounds.run()
    assert (often.calls, rare.calls) == (2, 2)


def test_what_is_not_nearly_due_waits(rounds: Rounds, often: Often, rare: Rare, still: StillClock) -> None:
    rounds.run()
    still.moment += 1.4
    rounds.run()
    assert (often.calls, rare.calls) == (2, 1)


def test_one_that_is_hurried_is_called_at_once(
    rounds: Rounds, often: Often, rare: Rare, still: StillClock
) -> None:
    rounds.run()
    rounds.hurry(Rare)
    rounds.run()
    assert (often.calls, rare.calls) == (1, 2)


def test_one_for_which_the_engine_failed_is_called_again_soon_and_then_less_and_less_often(
    rounds: Rounds, rare: Rare, still: StillClock
) -> None:
    rare.error = EngineUnavailable("cut")
    moments: list[float] = []
    while len(moments) < 7:
        before = rare.calls
        rounds.run()
        moments += [still.moment] * (rare.calls - before)
        still.moment += 0.01
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert pauses == pytest.approx([0.25, 0.5, 1.0, 2.0, 2.0, 2.0], rel=0.3)
    rare.error = None
    still.moment += 2.2
    rounds.run()
    assert min(rounds.moments()) > still.moment + 0.8


def test_a_failure_keeps_no_other_from_its_turn_and_is_told_until_it_ends(
    rounds: Rounds, often: Often, rare: Rare, still: StillClock
) -> None:
    rare.error = EngineUnavailable("away")
    rounds.run()
    assert rounds.failure == "the engine failed: away"
    rare.error = None
    still.moment += 2
    rounds.run()
    assert (often.calls, rare.calls, rounds.failure) == (2, 2, "")
