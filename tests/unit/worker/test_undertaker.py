"""What becomes of the jobs of the dead, on a real engine."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from specimens import death

from cardoon import Cardoon
from cardoon.engines.contract import Engine, Retired
from cardoon.events import Event, Events
from cardoon.exceptions import EngineDamaged, EngineUnavailable
from cardoon.model.job import Job, Report
from cardoon.model.states import State
from cardoon.worker import exits
from cardoon.worker.undertaker import Undertaker


class Away:
    """An engine that fails as often as it is told to, and then is what it stands for."""

    def __init__(self, engine: Engine, error: Exception, times: int) -> None:
        self._engine = engine
        self._error = error
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def retire(self, worker: str, **how: Any) -> Retired:
        if self._times:
            self._times -= 1
            raise self._error
        return self._engine.retire(worker, **how)


class House:
    """An engine with a worker `w` that has three jobs running."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.heard: list[Event] = []
        self.events = Events()
        self.events.listen(self.heard.append)
        self.undertaker = Undertaker(engine, self.events)
        self.claims = engine.claim("w", None, 3)

    def job(self, number: int) -> Job:
        found = self.engine.result(self.claims[number].id)
        assert found is not None
        return found

    def bury(self, **how: Any) -> list[Job]:
        self.undertaker.bury(death(**how))
        self.undertaker.work()
        return [self.job(number) for number in range(3)]


@pytest.fixture
def house(memory_app: Cardoon) -> House:
    task = memory_app.task(name="any")(lambda number: None)
    memory_app.engine.beat([Report(worker="w")])
    for number in range(3):
        task.delay(number)
    return House(memory_app.engine)


def test_after_a_crash_the_jobs_wait_again_as_suspects_with_the_evidence(house: House) -> None:
    jobs = house.bury(code=-signal.SIGSEGV, stack="Fatal Python error")
    assert {(job.state, job.crashes) for job in jobs} == {(State.READY, 0)}
    for job in jobs:
        (attempt,) = house.engine.attempts(job.id)
        assert attempt.error is not None
        assert "signal 11 (SIGSEGV)" in attempt.error.traceback
    (claim,) = house.engine.claim("another", None, 3)
    assert claim.suspect
    assert [(event.kind, event.data["returned"]) for event in house.heard] == [("worker.lost", 3)]


def test_after_a_forced_end_they_wait_again_free_of_charge(house: House) -> None:
    jobs = house.bury(code=-signal.SIGKILL, forced=True)
    assert {(job.state, job.attempt, job.crashes) for job in jobs} == {(State.READY, 0, 0)}
    assert [claim.suspect for claim in house.engine.claim("another", None, 3)] == [False] * 3


def test_the_job_over_its_limit_fails_and_the_others_go_back_free_of_charge(house: House) -> None:
    """Its supervisor killed it: nobody told its hooks yet."""
    late = house.claims[1].id
    jobs = house.bury(code=-signal.SIGKILL, overtime=True, deadline=(1.0, 0.4, late))
    assert [job.state for job in jobs] == [State.READY, State.FAILED, State.READY]
    assert str(jobs[1].error) == "TimeLimitExceeded: the time limit of 0.4 s passed"
    assert [job.attempt for job in jobs] == [0, 1, 0]
    assert house.undertaker.mourned == [late]


def test_a_process_that_could_not_settle_the_end_of_its_job_is_helped(house: House) -> None:
    """It ended itself, and told the hooks before."""
    late = house.claims[0].id
    jobs = house.bury(code=exits.PASSED_LIMIT, deadline=(1.0, 0.4, late))
    assert [job.state for job in jobs] == [State.FAILED, State.READY, State.READY]
    assert house.undertaker.mourned == []


def test_a_deadline_does_not_matter_to_a_process_that_crashed_before_it(house: House) -> None:
    jobs = house.bury(code=-signal.SIGSEGV, deadline=(1.0, 0.4, house.claims[0].id))
    assert {job.state for job in jobs} == {State.READY}


def test_who_is_quarantined_is_mourned(house: House) -> None:
    engine = house.engine
    house.bury(code=-signal.SIGSEGV)
    for number in range(1, 4):
        (claim,) = engine.claim(f"again-{number}", None, 1)
        house.undertaker.bury(death(worker=f"again-{number}", code=3))
        house.undertaker.work()
    job = engine.result(claim.id)
    assert job is not None
    assert (job.state, job.crashes) == (State.QUARANTINED, 3)
    assert house.undertaker.mourned == [claim.id]


def test_an_orderly_end_is_no_loss(house: House) -> None:
    house.bury(code=0, orderly=True)
    assert house.heard == []


def test_what_the_engine_cannot_take_now_is_written_later_in_order(house: House) -> None:
    undertaker = Undertaker(Away(house.engine, EngineUnavailable("away"), 2), house.events)  # type: ignore[arg-type]
    undertaker.bury(death(worker="w", code=3))
    undertaker.bury(death(worker="another", code=4))
    for _ in range(2):
        undertaker.work()
        assert not undertaker.done
        assert house.heard == []
    undertaker.work()
    assert undertaker.done
    assert [event.data["ended"] for event in house.heard] == ["exit code 3", "exit code 4"]


def test_what_the_engine_will_never_take_is_given_up(house: House, caplog: pytest.LogCaptureFixture) -> None:
    undertaker = Undertaker(Away(house.engine, EngineDamaged("damaged"), 1), house.events)  # type: ignore[arg-type]
    undertaker.bury(death(code=3))
    undertaker.work()
    assert undertaker.done
    assert "cannot be written: damaged" in caplog.text
