"""A process killed at each place that has a name (F4): nothing is lost, and only deaths repeat a body."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from waiting import until

from cardoon.engines.contract import Engine
from cardoon.failpoints.names import NAMES
from cardoon.model.states import FINAL
from cardoon.testing import faults
from cardoon.testing.torture import workload
from cardoon.testing.torture.check import check
from cardoon.testing.torture.ground import Ground, default_url
from cardoon.testing.torture.ledger import Ledger
from cardoon.testing.torture.plan import planned
from cardoon.testing.torture.producer import message_of
from cardoon.testing.torture.run import gathered
from cardoon.testing.torture.setup import Setup

JOBS = 400
PLACES = [name for name in NAMES if name.partition(".")[0] in ("claim", "run", "hb", "fin")]
RARE = ("run.before_fork", "claim.after_return")
SENDS = [name for name in NAMES if name.startswith("enq.")]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(seed=1, jobs=JOBS, kills=0, folder=tmp_path, ground=Ground.at(default_url(tmp_path)))


@pytest.fixture
def engine(setup: Setup) -> Iterator[Engine]:
    made = setup.engine()
    yield made
    made.close()


def armed(setup: Setup, place: str) -> faults.Worker:
    """A worker that is killed when it comes to this place for the second time, if it comes there often."""
    hit = 1 if place in RARE else 2
    environment = {**setup.environment, **faults.failing_at(f"{place}=kill@{hit}")}
    return faults.Worker(workload.APP, "-p", "1", folder=setup.folder, environment=environment)


def has_lost_a_process(worker: faults.Worker) -> bool:
    return not worker.lives or any(line.get("event") == "worker.lost" for line in worker.lines())


def test_a_worker_killed_at_any_place_loses_and_doubles_nothing(setup: Setup, engine: Engine) -> None:
    plan = [job for job in planned(1, JOBS) if job.kind in ("brief", "nap")]
    ledger = Ledger(setup.folder, "test")
    for job in plan:
        ledger.write("want", job.id, data={"kind": job.kind, "follows": []})
    engine.push([message_of(job) for job in plan])
    for job in plan:
        ledger.write("ack", job.id)
    with ExitStack() as stack:
        workers = {place: armed(setup, place) for place in PLACES}
        for place, worker in workers.items():
            stack.callback(worker.close)
            ledger.write("arm", data={"supervisor": worker.start().supervisor, "place": place})
        for place, worker in workers.items():
            until(lambda worker=worker: has_lost_a_process(worker), what=f"a death at {place}")
            worker.kill_group()
        with faults.Worker(workload.APP, "-p", "2", folder=setup.folder, environment=setup.environment):
            until(lambda: all_ended(engine), what="the end of every job")
    assert check(gathered(setup.folder, engine, [])) == []


def all_ended(engine: Engine) -> bool:
    return not any(
        number for states in engine.count().values() for state, number in states.items() if state not in FINAL
    )


SENDER = """\
import sys
from cardoon.testing.torture.workload import brief
brief.apply_async(task_id="before")
brief.apply_async(task_id="job")
"""


@pytest.mark.parametrize("place", SENDS)
def test_a_sender_killed_at_any_place_sends_one_job_when_it_tries_again(
    setup: Setup, engine: Engine, place: str
) -> None:
    """The first push is whole; the second was cut short, and is repeated under its id."""
    environment = {**os.environ, **setup.environment}
    deadly = {**environment, **faults.failing_at(f"{place}=kill@2")}
    command = [sys.executable, "-c", SENDER]
    assert subprocess.run(command, env=deadly, check=False).returncode == -signal.SIGKILL
    stored = place in ("enq.after_commit", "enq.after_send_before_reply")
    assert [engine.result(id) is not None for id in ("before", "job")] == [True, stored]
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    assert [claim.id for claim in engine.claim("ada", None, 10)] == ["before", "job"]
