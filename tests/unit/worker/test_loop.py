"""The loop of a worker process, in this one: what it does while the engine is away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cardoon import Cardoon
from cardoon.engines.contract import End, Turn
from cardoon.model import clock
from cardoon.model.errors import EngineDamaged, EngineError, EngineRefused, EngineUnavailable
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome, succeeded
from cardoon.model.states import State
from cardoon.worker.last_words import LastWords
from cardoon.worker.loop import Loop
from cardoon.worker.pools.solo import SoloPool
from cardoon.worker.timeouts import Limits


def test_an_end_waits_for_the_engine_and_the_body_is_not_repeated(
    memory_app: Cardoon, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = memory_app.engine
    away: list[EngineError] = [EngineRefused("not now"), EngineUnavailable("nobody answers")]
    exchange = engine.exchange

    def sometimes(ends: Sequence[End], *rest: Any, **options: Any) -> Turn:
        if ends and away:
            raise away.pop()
        return exchange(ends, *rest, **options)

    monkeypatch.setattr(engine, "exchange", sometimes)
    ran: list[str] = []

    def run(claim: Claim) -> Outcome:
        ran.append(claim.id)
        return succeeded(b"1")

    message = Message(id=clock.new_id(), task="shop.resize")
    engine.push([message])
    loop = Loop(memory_app, "ada", None, burst=True)
    last_words = LastWords(memory_app, loop.settle)
    loop.pool = SoloPool(run, Limits(memory_app), loop.settle, loop.rouse, last_words)
    loop.run()
    assert ran == [message.id]
    job = engine.result(message.id)
    assert job is not None
    assert (job.state, job.result, job.attempt, away) == (State.SUCCEEDED, b"1", 1, [])


def test_what_is_damaged_is_not_tried_again(memory_app: Cardoon, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_rest: Any, **_options: Any) -> Turn:
        raise EngineDamaged("no database")

    monkeypatch.setattr(memory_app.engine, "exchange", damaged)
    loop = Loop(memory_app, "ada", None, burst=True)
    last_words = LastWords(memory_app, loop.settle)
    loop.pool = SoloPool(lambda _: succeeded(b"1"), Limits(memory_app), loop.settle, loop.rouse, last_words)
    with pytest.raises(EngineDamaged):
        loop.run()
    loop.pool.close()


class BusyPool(SoloPool):
    """As if it ran something beside what it has room for."""

    def alone(self) -> bool:
        return False


def test_a_busy_process_does_not_stay_awake_for_a_suspect(
    memory_app: Cardoon, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = memory_app.engine
    engine.push([Message(id=clock.new_id(), task="shop.resize") for _ in range(2)])
    engine.claim("the dead", None, 2)
    engine.retire("the dead")
    loop = Loop(memory_app, "ada", None)
    last_words = LastWords(memory_app, loop.settle)
    loop.pool = BusyPool(lambda _: succeeded(b"1"), Limits(memory_app), loop.settle, loop.rouse, last_words)
    wait, told = engine.wait, list[bool]()

    def once(queues: list[str] | None, _timeout: float, **options: Any) -> bool:
        told.append(wait(queues, 0.01, **options))
        loop.stop()
        return told[-1]

    monkeypatch.setattr(engine, "wait", once)
    loop.run()
    assert (told, loop.jobs) == ([False], 0)
