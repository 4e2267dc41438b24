"""A process that is never empty makes room for suspects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cardoon.engines.memory import MemoryEngine
from cardoon.model import clock
from cardoon.model.errors import EngineUnavailable
from cardoon.model.message import Message
from cardoon.testing.conformance.clockwork import MovableClock
from cardoon.worker import withdrawal
from cardoon.worker.withdrawal import Withdrawal


@pytest.fixture
def moving() -> Iterator[MovableClock]:
    movable = MovableClock()
    with clock.use(movable):
        yield movable


@pytest.fixture
def engine(moving: MovableClock) -> MemoryEngine:
    return MemoryEngine()


def suspect(engine: MemoryEngine) -> None:
    engine.push([Message(id=clock.new_id(), task="shop.resize")])
    assert engine.claim("the dead", None, 1)
    engine.retire("the dead")


def test_without_suspects_nobody_withdraws(engine: MemoryEngine, moving: MovableClock) -> None:
    mine = Withdrawal(engine, "ada", None)
    for _ in range(5):
        moving.live(withdrawal.LOOK_SECONDS)
        assert not mine.look(alone=False)


def test_who_is_never_alone_withdraws_until_it_is(engine: MemoryEngine, moving: MovableClock) -> None:
    suspect(engine)
    mine = Withdrawal(engine, "ada", None)
    assert not mine.look(alone=False)  # as yet another may be alone
    moving.live(withdrawal.LOOK_SECONDS)
    assert mine.look(alone=False)
    assert not mine.look(alone=True)
    assert not mine.look(alone=False)


def test_one_begins_at_a_time_and_the_next_some_seconds_later(
    engine: MemoryEngine, moving: MovableClock
) -> None:
    suspect(engine)
    both = [Withdrawal(engine, name, None) for name in ("ada", "bea")]
    moving.live(withdrawal.LOOK_SECONDS)
    assert [one.look(alone=False) for one in both] == [True, False]
    moving.live(withdrawal.TURN_SECONDS)
    assert [one.look(alone=False) for one in both] == [True, True]


def test_who_waits_in_vain_works_on(engine: MemoryEngine, moving: MovableClock) -> None:
    suspect(engine)
    mine = Withdrawal(engine, "ada", None)
    moving.live(withdrawal.LOOK_SECONDS)
    assert mine.look(alone=False)
    moving.live(withdrawal.PATIENCE_SECONDS)
    assert not mine.look(alone=False)
    moving.live(withdrawal.REST_SECONDS - 1)
    assert not mine.look(alone=False)
    moving.live(1)
    assert mine.look(alone=False)


def test_an_engine_that_is_away_is_asked_again_later(
    engine: MemoryEngine, moving: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspect(engine)

    def away(*_: object) -> bool:
        raise EngineUnavailable("nobody there")

    mine = Withdrawal(engine, "ada", None)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "has_suspects", away)
        moving.live(withdrawal.LOOK_SECONDS)
        assert not mine.look(alone=False)
    moving.live(withdrawal.LOOK_SECONDS)
    assert mine.look(alone=False)
