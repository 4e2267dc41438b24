"""What a sender is told, and what a poller sees, with real workers (seed-spec A16, A23)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import transaction
from project import Project
from waiting import until

from cardoon import Cardoon
from cardoon.app import LOOK_SECONDS
from cardoon.model import clock

SHOP = """\
from pathlib import Path

from cardoon import Cardoon

app = Cardoon("shop", url="sqlite:///jobs.db")


@app.task(queue="data")
def build() -> str:
    return "built"


@app.task
def send_review_sms_notification(delivery_id: int) -> str:
    return f"{type(delivery_id).__name__} {delivery_id}"


@app.task(bind=True)
def sew(self, gate: str) -> int:
    self.update_state(state="SEWING", meta={"current": 3, "total": 9})
    Path(gate).read_text()
    return 9
"""


@pytest.fixture
def app(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cardoon]:
    """An application that sends to the worker that runs in the project's folder."""
    (project.folder / "shop.py").write_text(SHOP)
    monkeypatch.chdir(project.folder)
    made = Cardoon("sender", url="sqlite:///jobs.db", set_as_current=False)
    yield made
    made.close()


class Later:
    """The clock of a sender for whom it is time to look again."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def time() -> float:
        return time.time() + LOOK_SECONDS

    @staticmethod
    def random() -> float:
        return 0.5


def queue_line(project: Project, name: str) -> str:
    lines = project.out("queues", "-A", "shop:app").splitlines()
    return next(line for line in lines if line.startswith(name))


def test_a_queue_without_a_consumer_is_told_listed_and_served_as_soon_as_there_is_one(
    project: Project, app: Cardoon, caplog: pytest.LogCaptureFixture
) -> None:
    project.start_worker("shop:app", "-Q", "celery")
    handle = app.send_task("shop.build", queue="data")
    assert "start one: cardoon worker -Q data" in caplog.text
    assert "no consumer" in queue_line(project, "data")
    project.start_worker("shop:app", "-Q", "data")
    assert handle.get(timeout=60) == "built"
    assert "no consumer" not in queue_line(project, "data")
    caplog.clear()
    app.send_task("shop.build", queue="data")
    with clock.use(Later()):
        app.send_task("shop.build", queue="data")
    assert caplog.text == ""


def test_a_job_of_a_view_reaches_its_worker_after_the_commit(project: Project, app: Cardoon) -> None:
    project.start_worker("shop:app")

    @app.task(name="shop.send_review_sms_notification")
    def send_sms(delivery_id: int) -> str:
        raise AssertionError("it runs in the worker")

    tm = transaction.TransactionManager()
    dropped = send_sms.apply_async(args=(16,), tm=tm)
    tm.abort()
    with tm:
        handle = send_sms.apply_async(args=(17,), tm=tm)
        assert not handle.exists()
    assert handle.get(timeout=60) == "int 17"
    assert not dropped.exists()


def test_a_poller_sees_how_far_a_running_job_is(project: Project, app: Cardoon) -> None:
    project.start_worker("shop:app")
    gate = project.folder / "gate"
    os.mkfifo(gate)
    handle = app.send_task("shop.sew", (str(gate),))
    until(lambda: handle.state == "SEWING", what="its state")
    assert (handle.info, handle.ready()) == ({"current": 3, "total": 9}, False)
    gate.write_text("go on")
    assert handle.get(timeout=60) == 9
    assert (handle.state, handle.info) == ("SUCCESS", 9)


@pytest.mark.parametrize("place", ["environment CARDOON_URL", "pyproject.toml"])
def test_check_tells_of_an_address_that_nobody_offers_and_where_it_stands(
    place: str, project: Project
) -> None:
    (project.folder / "shop.py").write_text(SHOP.replace(', url="sqlite:///jobs.db"', ""))
    if place == "pyproject.toml":
        (project.folder / place).write_text('[tool.cardoon]\nurl = "sqlit:///x.db"\n')
    environment = {"CARDOON_URL": "sqlit:///x.db"} if place != "pyproject.toml" else {}
    done = project.run("check", "-A", "shop:app", environment=environment)
    assert done.returncode == 78
    text = " ".join(done.stdout.split())
    assert "no engine for 'sqlit'; did you mean 'sqlite'?" in text
    assert f"(url from {place})" in text
