"""PostgreSQL: ids that have ended are not stored anew, and single pushes go by hand."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import psycopg.conninfo
import pytest
from tests import servers

from cardoon.engines.postgres.engine import PostgresEngine
from cardoon.engines.postgres.rows import order_of_newest
from cardoon.model import clock, outcome
from cardoon.model.errors import EngineUnavailable
from cardoon.model.message import Message
from cardoon.testing import faults
from cardoon.testing.conformance.arena import arena_for

Make = Callable[[str], PostgresEngine]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with servers.url_of("postgres") as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    arena = arena_for(server)
    yield arena.fresh()
    arena.cleanup()


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[PostgresEngine] = []

    def new(url: str) -> PostgresEngine:
        made.append(PostgresEngine(url))
        return made[-1]

    yield new
    for engine in made:
        engine.close()


def message(**changes: Any) -> Message:
    return Message(**{"id": clock.new_id(), "task": "shop.resize", **changes})


def schema_of(url: str) -> str:
    return url.rpartition("schema=")[2]


def plain(url: str) -> str:
    return url.partition("?")[0]


# -- ids that have ended


def test_who_sends_a_job_again_while_it_ends_makes_no_second_one(url: str, make: Make) -> None:
    worker, sender, again = make(url), make(url), []
    for _ in range(60):
        job = message()
        sender.push([job])
        (claim,) = worker.claim("ada", None, 5)
        start = threading.Barrier(2)

        def send(job: Message = job, start: threading.Barrier = start) -> None:
            start.wait(30.0)
            again.append(sender.push([job]))

        thread = threading.Thread(target=send)
        thread.start()
        start.wait(30.0)
        assert worker.settle([(claim, outcome.succeeded(None))]) == []
        thread.join(30.0)
    assert again == [[False]] * 60


def test_an_older_job_that_ended_is_known_by_its_id_after_younger_ones_ended(url: str, make: Make) -> None:
    engine, jobs = make(url), [message() for _ in range(4)]
    for job in jobs:
        assert engine.push([job]) == [True]
    engine.settle([(claim, outcome.succeeded(None)) for claim in engine.claim("ada", None, 2)])
    engine.cancel([jobs[3].id])
    assert [engine.push([job]) for job in jobs] == [[False]] * 4
    assert engine.push([*jobs, message()]) == [False] * 4 + [True]


def test_the_bound_of_what_ended_is_never_set_back(url: str, make: Make) -> None:
    make(url).open()
    numbers = random.Random(7).sample(range(1_000_000), 400)

    def tell(part: list[int]) -> None:
        with psycopg.connect(plain(url), autocommit=True) as db:
            for number in part:
                db.execute(f"SELECT {schema_of(url)}.will_end({number})")

    threads = [threading.Thread(target=tell, args=(numbers[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    with psycopg.connect(plain(url)) as db:
        assert db.execute(f"SELECT last_value FROM {schema_of(url)}.ended_until").fetchall() == [
            (max(numbers),)
        ]
        assert db.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 3"
        ).fetchall() == [(0,)]


def test_the_server_reads_ids_as_we_do(url: str, make: Make) -> None:
    make(url).open()
    new = clock.new_id()
    odd = [
        new.upper(),
        new[:-1],
        f"{new}0",
        f"{new}\n",
        "order-4711",
        "",
        "ffffffff-ffff-4fff-bfff-ffffffffffff",
    ]
    batches = [
        [new],
        [new, *odd],
        odd,
        [],
        [clock.new_id(), clock.new_id()],
        ["z", new],
        [f"{new[:8]}_{new[9:]}"],
    ]
    with psycopg.connect(plain(url)) as db:
        for ids in batches:
            query = f"SELECT {schema_of(url)}.order_of_newest(%s::text[])"
            assert db.execute(query.encode(), [ids]).fetchall() == [(order_of_newest(ids),)], ids


def test_a_session_that_forgot_its_statements_learns_them_anew(url: str, make: Make) -> None:
    engine = make(url)
    for forget in (b"SELECT 1", b"DEALLOCATE ALL", b"SELECT 1"):
        assert engine.push([message()]) == [True]
        engine._connections.step(lambda db, forget=forget: db.execute(forget))  # type: ignore[misc]
    assert sum(engine.count()["celery"].values()) == 3


def test_a_session_that_forgot_its_statements_between_two_batches_stores_the_second(
    url: str, make: Make
) -> None:
    engine = make(url)
    answers = engine.push_each([[message()], [message(), message()], [message()]])
    assert next(answers) == [True]
    engine._connections.step(lambda db: db.execute(b"DEALLOCATE ALL"))
    assert list(answers) == [[True, True], [True]]
    assert sum(engine.count()["celery"].values()) == 4


# -- ends


def test_an_end_between_the_push_and_the_wait_for_it_is_found(url: str, make: Make) -> None:
    sender, worker = make(url), make(url)
    sender.push([message()])
    assert sender.wait_results([clock.new_id()], 0.5) == {}  # from now on it hears of ends
    for _ in range(30):
        job = message()
        sender.push([job])
        worker.settle([(claim, outcome.succeeded(b"1")) for claim in worker.claim("ada", None, 5)])
        assert list(sender.wait_results([job.id], 20.0)) == [job.id]


# -- a bad network

HARM = {
    "cut before": (faults.Proxy.cut_before, True, 4.0),
    "cut after": (faults.Proxy.cut_after, False, 4.0),
    "swallowed": (faults.Proxy.swallow, False, 8.0),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_single_push_on_a_bad_network_ends_in_time_and_can_be_repeated(
    url: str, make: Make, harm: str
) -> None:
    do, is_new, seconds = HARM[harm]
    host, port = psycopg.conninfo.conninfo_to_dict(plain(url))["host"], urlsplit(plain(url)).port or 5432
    with faults.Proxy((str(host), port)) as proxy:
        engine, big = make(proxy.through(url)), message(args=["x" * 3_000_000])
        proxy.split(50_000)
        for job in (
            message(),
            message(),
            big,
        ):  # the first makes the line known, the next prepares the statement
            assert engine.push([job]) == [True]
        job = message()
        do(proxy)
        start = time.monotonic()
        with pytest.raises(EngineUnavailable):
            engine.push([job])
        assert time.monotonic() - start < seconds
        assert engine.push([job]) == [is_new]
