"""`app.jobs` and `app.control`: jobs found and acted on by a filter, and what is under way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cardoon import Cardoon
from cardoon.control import inspect
from cardoon.model import clock
from cardoon.model.errors import InvalidFilter, InvalidOption
from cardoon.model.job import Filter, Report
from cardoon.model.states import State
from cardoon.worker.execution import execute


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cardoon]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'jobs.db'}"
    app = Cardoon("shop", url=url, warn_no_consumer=False)

    @app.task(name="add")
    def add(x: int, y: int = 0) -> int:
        return x + y

    @app.task(name="mail", queue="mails")
    def mail(to: str) -> None:
        raise ConnectionError(f"refused by {to}")

    yield app
    app.close()


def send(app: Cardoon, name: str, *args: Any, **options: Any) -> str:
    return app.send_task(name, args, **options).id


def run_all(app: Cardoon) -> None:
    while claims := app.engine.claim("ada", None, 10):
        app.engine.settle([(claim, execute(app, claim)) for claim in claims])


def state(app: Cardoon, id: str) -> State:
    job = app.engine.result(id)
    assert job is not None
    return job.state


# -- finding


def test_jobs_are_found_by_a_filter_newest_first(shop: Cardoon) -> None:
    ids = [send(shop, "add", n) for n in range(5)]
    mail = send(shop, "mail", "ines")  # no part of an id, which is searched as well
    run_all(shop)
    found = shop.jobs.find("state:failed queue:mails")
    assert [job.id for job in found] == [mail]
    assert (len(found), found[0].id, found[:1], found.next) == (1, mail, found.jobs, None)
    first = shop.jobs.find("task:add", limit=2)
    second = shop.jobs.find("task:add", limit=9, page=first.next)
    assert [job.id for job in (*first, *second)] == ids[::-1]
    assert [job.id for job in shop.jobs.walk("args.0:3 OR ines")] == [mail, ids[3]]
    assert shop.jobs.count() == 6
    assert shop.jobs.count(Filter(tasks=frozenset({"add"}))) == 5


def test_handles_are_typed_by_their_tasks(shop: Cardoon) -> None:
    id = send(shop, "add", 2, 3)
    run_all(shop)
    (handle,) = shop.jobs.find().handles
    assert (handle.id, handle.get(timeout=0), handle.task_name) == (id, 5, "add")


def test_a_wrong_filter_is_pointed_at_and_a_wrong_page_refused(shop: Cardoon) -> None:
    with pytest.raises(InvalidFilter, match="did you mean 'state'") as raised:
        shop.jobs.find("sate:failed")
    assert raised.value.position == 0
    assert isinstance(raised.value, ValueError)
    with pytest.raises(InvalidOption):
        shop.jobs.find(page="x")


def test_a_page_is_full_however_rare_its_jobs(shop: Cardoon) -> None:
    ids = [handle.id for handle in shop.tasks["add"].map([n % 100 for n in range(2_000)])]
    wanted = [id for n, id in enumerate(ids) if n % 100 == 7][::-1]
    found = shop.jobs.find("args.0:7", limit=15)
    assert [job.id for job in found] == wanted[:15]
    assert [job.id for job in shop.jobs.find("args.0:7", page=found.next)] == wanted[15:]


# -- acting


def test_retry_takes_what_failed_unless_it_is_told_otherwise(shop: Cardoon) -> None:
    done, failed, waiting = send(shop, "add", 1), send(shop, "mail", "a"), ""
    run_all(shop)
    waiting = send(shop, "mail", "b")
    cancelled = send(shop, "add", 9)
    shop.revoke(cancelled)
    assert shop.jobs.retry("", dry_run=True) == 1
    assert shop.jobs.retry("") == 1
    assert [state(shop, id) for id in (done, failed, waiting, cancelled)] == [
        State.SUCCEEDED,
        State.READY,
        State.READY,
        State.CANCELLED,
    ]
    assert shop.jobs.retry(f"id:{done}") == 1
    assert shop.jobs.retry("state:cancelled,ready") == 1
    run_all(shop)
    assert [state(shop, id) for id in (done, cancelled)] == [State.SUCCEEDED] * 2


def test_cancel_takes_what_has_not_ended(shop: Cardoon) -> None:
    done = send(shop, "add", 1)
    run_all(shop)
    running = send(shop, "add", 2)
    (claim,) = shop.engine.claim("ada", None, 1)
    ready, delayed = send(shop, "add", 3), send(shop, "add", 4, countdown=60)
    assert shop.jobs.cancel("task:add", dry_run=True) == 3
    assert state(shop, ready) is State.READY
    assert shop.jobs.cancel("task:add", terminate=True) == 3
    states = [state(shop, id) for id in (done, running, ready, delayed)]
    assert states == [State.SUCCEEDED, State.RUNNING, State.CANCELLED, State.CANCELLED]
    assert shop.engine.beat([Report(worker="ada")]).terminate == {"ada": [claim.id]}
    assert shop.jobs.cancel("state:ready") == 0


def test_delete_forgets_what_does_not_run(shop: Cardoon) -> None:
    running = send(shop, "add", 2)
    shop.engine.claim("ada", None, 1)
    for n in range(3):
        send(shop, "add", n)
    assert shop.jobs.delete("*", dry_run=True) == 3
    assert shop.jobs.delete("*") == 3
    assert [job.id for job in shop.jobs.find()] == [running]


def test_more_than_a_page_is_acted_on(shop: Cardoon) -> None:
    shop.tasks["add"].map(range(1_200))
    assert shop.jobs.cancel("args.0>=100") == 1_100
    assert shop.jobs.retry("state:cancelled") == 1_100
    assert shop.jobs.delete("queue:celery") == 1_200


# -- what is under way (A28)


def test_with_no_worker_at_all_inspect_answers_mappings(shop: Cardoon) -> None:
    i = shop.control.inspect()
    assert len(next(iter(i.scheduled().values()))) == 0
    for answer in (i.active(), i.reserved(), i.queued(), i.stats(), i.ping(), i.active_queues()):
        assert answer == {}
    assert {"add", "mail"} <= set(i.registered()["store"])
    assert shop.control.ping() == []


def test_inspect_tells_what_waits_what_is_delayed_and_what_runs(shop: Cardoon) -> None:
    shop.engine.beat([Report(worker="w1", name="web/1", pid=12, started=clock.now() - 5, queues=["celery"])])
    running = send(shop, "add", 1, 2)
    shop.engine.claim("w1", None, 1)
    for n in range(5):
        send(shop, "add", n)
    later, soon = send(shop, "add", 8, countdown=90), send(shop, "add", 7, countdown=30)
    i = inspect(app=shop)
    queued = i.queued()["celery"]
    assert (queued["ready"], queued["delayed"], queued["paused"]) == (5, 2, False)
    assert queued["oldest"] >= 0
    assert [one["request"]["id"] for one in i.scheduled()["store"]] == [soon, later]
    assert i.scheduled()["store"][0]["eta"] > clock.as_datetime(clock.now()).isoformat()
    (active,) = i.active()["web/1"]
    assert (active["id"], active["args"], active["hostname"], active["worker_pid"]) == (
        running,
        [1, 2],
        "web/1",
        12,
    )
    assert active["time_start"] > 0
    assert i.query_task(running, "unknown")["store"][running][0] == "running"
    assert i.ping() == {"web/1": {"ok": "pong"}}
    assert i.stats()["web/1"]["uptime"] >= 5
    assert i.active_queues() == {"web/1": [{"name": "celery"}]}
    assert {"add", "mail"} <= set(i.registered()["web/1"])
    assert i.reserved() == {"web/1": []}
    assert shop.control.inspect(["other"]).active() == {}
    assert shop.control.inspect("web/1").ping() == i.ping()


def test_what_a_silent_worker_runs_is_told_too(shop: Cardoon) -> None:
    send(shop, "add", 1)
    shop.engine.claim("gone", None, 1)
    assert list(shop.control.inspect().active()) == ["gone"]


# -- steering


def test_workers_hear_what_they_are_told(shop: Cardoon) -> None:
    reports = [Report(worker="w1", name="web/1"), Report(worker="w2", name="web/2")]
    shop.engine.beat(reports)
    assert shop.control.quiet("web/1") == ["web/1"]
    assert shop.control.shutdown(["w2", "nobody"]) == ["web/2"]
    assert shop.engine.beat(reports).orders == {"w1": "quiet", "w2": "stop"}
    assert sorted(shop.control.unquiet()) == ["web/1", "web/2"]
    assert shop.engine.beat(reports).orders == {}


def test_queues_are_paused_and_emptied(shop: Cardoon) -> None:
    ids = [send(shop, "mail", "a"), send(shop, "mail", "b", countdown=60), send(shop, "add", 1)]
    assert shop.control.pause("mails") == ["mails"]
    assert [claim.id for claim in shop.engine.claim("ada", None, 9)] == ids[2:]
    assert sorted(shop.control.resume()) == ["celery", "mails"]
    assert shop.control.purge(["mails"]) == 2
    assert [state(shop, id) for id in ids] == [State.CANCELLED, State.CANCELLED, State.RUNNING]
    assert shop.control.discard_all() == 0


@pytest.mark.parametrize("how", ["app", "control", "handle"])
def test_revoke_with_terminate_asks_the_worker_to_end_it(shop: Cardoon, how: str) -> None:
    id = send(shop, "add", 1)
    shop.engine.claim("ada", None, 1)
    shop.engine.beat([Report(worker="ada")])
    if how == "app":
        assert shop.revoke(id, terminate=True) == {id: State.RUNNING}
    elif how == "control":
        assert shop.control.revoke([id], terminate=True, signal="SIGKILL") == {id: State.RUNNING}
    else:
        assert shop.AsyncResult(id).revoke(terminate=True) == "STARTED"
    assert shop.engine.beat([Report(worker="ada")]).terminate == {"ada": [id]}
    assert shop.control.terminate("unknown") == {}
