"""When the next sweep is due."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import pytest
from specimens import StillClock

from cardoon.engines.contract import SILENCE_SECONDS, SWEEP_SECONDS, Engine
from cardoon.engines.urls import connect
from cardoon.events import Events
from cardoon.model.errors import EngineUnavailable
from cardoon.model.job import Report
from cardoon.worker.services.sweep import SHORTEST_SECONDS, Sweep


@pytest.fixture
def engine(still: StillClock) -> Iterator[Engine]:
    engine = connect("memory://")
    yield engine
    engine.close()


def test_it_is_due_when_somebody_will_have_been_silent_for_long_enough(
    engine: Engine, still: StillClock
) -> None:
    lost: list[str] = []
    events = Events()
    events.listen(lambda event: lost.append(str(event.data["worker"])), ["worker.lost"])
    sweep = Sweep(engine, events, lambda _: None)
    engine.beat([Report(worker="ada")])
    begun = still.moment
    while still.moment < begun + SILENCE_SECONDS - SWEEP_SECONDS:
        sweep.run()
        assert sweep.every == SWEEP_SECONDS
        still.moment += SWEEP_SECONDS * 0.93
    sweep.run()
    assert sweep.every == pytest.approx(SILENCE_SECONDS - (still.moment - begun))
    still.moment += sweep.every
    assert not lost
    sweep.run()
    assert (lost, sweep.every) == (["ada"], SWEEP_SECONDS)


def test_it_does_not_run_on_and_on_for_that_nor_when_it_fails(
    engine: Engine, still: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(engine, Events(), lambda _: None)
    engine.beat([Report(worker="ada")])
    for seconds in (2.0, 2.0, 2.0, 1.999):
        sweep.run()
        still.moment += seconds
    sweep.run()
    assert sweep.every == SHORTEST_SECONDS
    monkeypatch.setattr(engine, "sweep", fails)
    with pytest.raises(EngineUnavailable):
        sweep.run()
    assert sweep.every == SWEEP_SECONDS


def fails() -> NoReturn:
    raise EngineUnavailable("away")
