"""The solo pool beside its keeper: what a slow job does to those behind it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cardoon import Cardoon
from cardoon.engines.contract import End
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome, succeeded
from cardoon.model.states import State
from cardoon.worker.last_words import LastWords
from cardoon.worker.pools.solo import SoloPool
from cardoon.worker.timeouts import Limits

PATIENCE = 60.0


def test_what_waits_behind_a_slow_job_is_given_back_while_that_runs(memory_app: Cardoon) -> None:
    memory_app.engine.push([Message(id=clock.new_id(), task="shop.resize") for _ in range(3)])
    slow, *behind = memory_app.engine.claim("ada", None, 3)
    given_back = threading.Event()
    settled: list[End] = []
    ran: list[Claim] = []

    def settle(ends: Sequence[End]) -> None:
        settled.extend(ends)
        given_back.set()

    def run(claim: Claim) -> Outcome:
        ran.append(claim)
        given_back.wait(PATIENCE)
        return succeeded(None)

    pool = SoloPool(run, Limits(memory_app), settle, lambda: None, LastWords(memory_app, settle))
    pool.start([slow, *behind])
    pool.close()
    assert ran == [slow]
    assert {claim.id for claim, _ in settled} == {claim.id for claim in behind}
    assert {(outcome.state, outcome.charged) for _, outcome in settled} == {(State.READY, False)}
    assert [claim for claim, _ in pool.ended()] == [slow]
