"""A job whose queue nobody consumes is told of where it is sent (seed-spec A23)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.unit.tasks.conftest import Ahead

from cardoon import Cardoon, Task
from cardoon.app import LOOK_SECONDS
from cardoon.consumers import warn_if_none
from cardoon.context import Request, running
from cardoon.engines import silence
from cardoon.engines.contract import Capabilities
from cardoon.engines.memory import MemoryEngine
from cardoon.model.errors import EngineUnavailable
from cardoon.model.job import Claim, Report
from cardoon.model.message import Message


@pytest.fixture
def build(app: Cardoon) -> Task[[], None]:
    @app.task(name="shop.build", queue="data")
    def build() -> None: ...

    return build


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [(record.name, record.levelname, record.getMessage()) for record in caplog.records]


def test_a_queue_without_a_consumer_is_told_with_the_command_that_helps(
    build: Task[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    handle = build.delay()
    assert handle.exists()
    words = "waits: no live worker takes jobs of the queue 'data'; start one: cardoon worker -Q data"
    assert told(caplog) == [("cardoon", "WARNING", f"shop.build[{handle.id}] {words}")]


def test_it_is_told_once_a_minute_and_queue(
    app: Cardoon, build: Task[[], None], caplog: pytest.LogCaptureFixture, ahead: Ahead
) -> None:
    build.starmap([])
    assert told(caplog) == []
    build.delay()
    build.starmap([(), ()])
    assert len(told(caplog)) == 1
    build.apply_async(queue="other")
    assert len(told(caplog)) == 2
    ahead.move(LOOK_SECONDS / 2)
    build.delay()
    assert len(told(caplog)) == 2
    ahead.move(LOOK_SECONDS / 2)
    build.delay()
    assert len(told(caplog)) == 3


@pytest.mark.parametrize(("queues", "times"), [(["data", "x"], 0), ([], 0), (["x"], 1)])
def test_a_live_worker_of_that_queue_or_of_all_is_enough(
    queues: list[str], times: int, app: Cardoon, build: Task[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    app.engine.beat([Report(worker="w", queues=queues)])
    build.delay()
    assert len(told(caplog)) == times


def test_a_worker_that_is_dead_by_proof_is_none(
    app: Cardoon, build: Task[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = {"host": silence.host(), "boot": silence.boot_id()}
    app.engine.beat([Report(worker="w", pid=gone.pid, pid_started=1, **here)])  # type: ignore[arg-type]
    build.delay()
    assert len(told(caplog)) == 1
    own = silence.process_start(os.getpid())
    app.engine.beat([Report(worker="v", pid=os.getpid(), pid_started=own, **here)])  # type: ignore[arg-type]
    build.apply_async(queue="fresh")
    assert len(told(caplog)) == 1


def test_a_job_that_sends_to_its_own_queue_knows_its_worker(
    app: Cardoon, caplog: pytest.LogCaptureFixture
) -> None:
    own = Message(id="1", task="again", queue="own")
    with running(Request(Claim(own, worker="w", token=1))):
        warn_if_none(app.engine, own)
        warn_if_none(app.engine, Message(id="2", task="shop.build", queue="data"))
    assert [words.partition("[")[0] for _, _, words in told(caplog)] == ["shop.build"]


def test_a_setting_silences_it(tmp_path: object, caplog: pytest.LogCaptureFixture) -> None:
    app = Cardoon("quiet", url=f"sqlite:///{tmp_path}/jobs.db", warn_no_consumer=False)

    @app.task(name="f")
    def f() -> None: ...

    f.delay()
    app.close()
    assert told(caplog) == []


def test_an_engine_of_this_process_alone_has_no_workers_to_start(
    memory_app: Cardoon, caplog: pytest.LogCaptureFixture
) -> None:
    @memory_app.task(name="f")
    def f() -> None: ...

    f.delay()
    assert told(caplog) == []


def test_the_job_is_stored_even_if_the_question_fails(caplog: pytest.LogCaptureFixture) -> None:
    class Mute(MemoryEngine):
        capabilities = Capabilities(durable=False)

        def workers(self) -> list[Report]:
            raise EngineUnavailable("not just now")

    app = Cardoon("mute", engine=Mute())

    @app.task(name="f")
    def f() -> None: ...

    assert f.delay().exists()
    assert told(caplog) == []
