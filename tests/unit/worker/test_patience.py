"""How long is waited after calls that failed, and what is said of it."""

from __future__ import annotations

import logging

import pytest

from cardoon.model import clock
from cardoon.model.errors import EngineUnavailable
from cardoon.worker.patience import LONGEST_PAUSE_SECONDS, TELL_SECONDS, Patience

AWAY = EngineUnavailable("nobody answers")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, which take no time here but pass on the clock."""
    pauses: list[float] = []
    monkeypatch.setattr(clock, "sleep", pauses.append)
    monkeypatch.setattr(clock, "monotonic", lambda: 100.0 + sum(pauses))
    monkeypatch.setattr(clock, "full_jitter", lambda ceiling: ceiling)
    return pauses


def test_pauses_grow_up_to_a_second(slept: list[float]) -> None:
    patience = Patience()
    for _ in range(20):
        patience.rest(AWAY)
    assert slept[0] < slept[1] < slept[2] < LONGEST_PAUSE_SECONDS == max(slept)


def test_an_outage_is_told_at_once_and_then_every_few_seconds(
    slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    patience = Patience()
    with caplog.at_level(logging.INFO):
        for _ in range(60):
            patience.rest(AWAY)
        patience.rewarded()
    said = [record.message for record in caplog.records]
    assert "nobody answers" in said[0]
    assert 2 <= len(said[:-1]) <= sum(slept) / TELL_SECONDS + 1
    assert said[-1].startswith("the engine answers again")
    assert patience.failures == 0
