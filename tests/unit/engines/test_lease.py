"""A body that lost its job sends nothing; anybody else sends as ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon import Cardoon
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model.job import Filter
from cardoon.model.states import State
from cardoon.worker.execution import execute


@pytest.fixture(params=["memory", "sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db?profile=fast"
    made = connect(url)
    yield made
    made.close()


def told(engine: Engine, queue: str) -> int:
    return len(engine.find(Filter(queues=frozenset({queue}))).jobs)


def test_what_a_body_sends_is_stored_while_it_owns_its_job(engine: Engine) -> None:
    app = Cardoon("shop", engine=engine)

    @app.task(name="child", queue="children")
    def child() -> None:
        """Runs in no test."""

    @app.task(name="parent")
    def parent(loses: bool) -> None:
        if loses:
            engine.retire("ada", crashed=False)
        child.delay()
        child.starmap([()] * 3)

    for loses, stored in ((False, 4), (True, 4)):
        parent.delay(loses)
        (claim,) = engine.claim("ada", ["celery"], 1)
        end = execute(app, claim)
        assert (end.state is State.FAILED, told(engine, "children")) == (loses, stored)
        if loses:
            assert end.error is not None
            assert end.error.type == "LeaseLost"
            assert claim.id in end.error.message
        assert engine.settle([(claim, end)]) == ([claim] if loses else [])


def test_a_body_that_lost_its_job_may_send_to_another_engine(engine: Engine) -> None:
    app, elsewhere = Cardoon("shop", engine=engine), Cardoon("mail", url="memory://", set_as_current=False)

    @elsewhere.task(name="notify")
    def notify() -> None:
        """Runs in no test."""

    @app.task(name="parent")
    def parent() -> None:
        engine.retire("ada", crashed=False)
        notify.delay()

    parent.delay()
    (claim,) = engine.claim("ada", None, 1)
    assert execute(app, claim).state is State.SUCCEEDED
    assert told(elsewhere.engine, "celery") == 1


def test_an_eager_job_sends_as_nobody(engine: Engine) -> None:
    app = Cardoon("shop", engine=engine)

    @app.task(name="child", queue="children")
    def child() -> None:
        """Runs in no test."""

    @app.task(name="parent")
    def parent() -> None:
        child.delay()

    assert parent.apply().successful()
    assert told(engine, "children") == 1
