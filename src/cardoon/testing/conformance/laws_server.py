"""What outlives the server: its death, its restart, and its standing still."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from cardoon.engines.contract import Engine
from cardoon.model import clock, outcome
from cardoon.model.job import Schedule
from cardoon.model.states import State
from cardoon.testing import faults
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.network import BOUND_SECONDS, RETURN_SECONDS, persistently, unavailable
from cardoon.testing.conformance.reach import address

LONG = 30.0
"""Seconds; no law sleeps that long unless it is broken."""


def _server(bench: Bench) -> faults.Server:
    return given(faults.server_at(*given(address(bench.url), "its address")), "our server")


@law("G1", needs=("server", "durable"))
def what_was_acknowledged_outlives_the_server(bench: Bench) -> None:
    """After kill -9 and a restart everything that was answered is there: jobs, ends, claims and the rest."""
    done = bench.finished(outcome.succeeded(b"42"))
    claim = bench.running()
    bench.engine.annotate(claim, "progress", b"50 %")
    number = bench.engine.acquire("l", "ada", seconds=3_600)
    bench.engine.arrive("b", "one", of=2)
    bench.engine.save_schedule(Schedule(name="s", next_due=1.0))
    bench.engine.pause("q")
    later = bench.push(due=clock.now() + 3_600)
    ids = [bench.push() for _ in range(20)]
    server = _server(bench)
    server.kill()
    server.start()
    same(persistently(partial(bench.engine.result, done.id)), done, "the finished job")
    same(bench.engine.held("ada"), [claim], "what ada holds")
    same(bench.job(claim.id).progress, b"50 %", "its progress")
    same(bench.engine.acquire("l", "ada", seconds=3_600), number, "the number of the lock")
    same(bench.engine.arrive("b", "two", of=2), True, "the arrival that completes")
    same([schedule.name for schedule in bench.engine.schedules()], ["s"], "the schedules")
    same([queue.name for queue in bench.engine.queues() if queue.paused], ["q"], "the paused queues")
    same(bench.state(later), State.DELAYED, "the state of the delayed job")
    same(bench.claim_ids(worker="bea"), ids, "the jobs that wait, in order")
    same(bench.end(claim, outcome.succeeded(None)), True, "the end of the claim from before")


@law("G16", needs=("server", "durable"))
def an_engine_object_outlives_its_server(bench: Bench) -> None:
    """While the server is away calls say so; within two seconds of its return the same object works."""
    server, id = _server(bench), bench.push()
    server.kill()
    for call in (bench.engine.count, partial(bench.engine.claim, "ada", None, 1)):
        unavailable(call, "a call")
    server.start()
    start = time.monotonic()
    persistently(bench.engine.count, RETURN_SECONDS)
    holds(time.monotonic() - start < RETURN_SECONDS, "it worked again in time")
    bench.claim_one(id)


@law("G16", needs=("server", "durable"))
def an_orderly_restart_loses_nothing(bench: Bench) -> None:
    """A server that is stopped and started, as by its operator, has all jobs and goes on."""
    ids = bench.push_many(50)
    _server(bench).restart()
    same(persistently(bench.claim_ids), ids, "the jobs, in order")


@law("G16", needs=("server", "durable"))
def the_first_call_after_a_restart_is_answered(bench: Bench) -> None:
    """Connections that lay idle when the server restarted are not used again: no call fails for it."""
    for _ in range(3):
        asked = [bench.meanwhile(bench.engine.count) for _ in range(3)]
        for each in asked:
            answer_of(each)
        _server(bench).restart()
        bench.push()


@law("G7", needs=("server", "durable"))
def who_waits_for_work_outlives_the_server(bench: Bench) -> None:
    """A waiter that slept when the server died hears, perhaps after asking again, of what comes later."""
    engine = bench.again()
    waiter = bench.meanwhile(partial(persistently, partial(_until_work, engine), LONG))
    _kill_under_sleepers(bench)
    start = time.monotonic()
    persistently(bench.push)
    answer_of(waiter)
    holds(time.monotonic() - start < BOUND_SECONDS, f"it heard within {BOUND_SECONDS:g} s")


def _until_work(engine: Engine) -> None:
    while not engine.wait(None, LONG):
        pass


@law("G18", needs=("server", "durable"))
def who_waits_for_a_result_outlives_the_server(bench: Bench) -> None:
    """A waiter that slept when the server died hears, perhaps after asking again, of the end."""
    engine, claim = bench.again(), bench.running()
    waiter = bench.meanwhile(partial(persistently, partial(engine.wait_results, [claim.id], LONG), LONG))
    _kill_under_sleepers(bench)
    start = time.monotonic()
    persistently(partial(bench.engine.settle, [(claim, outcome.succeeded(b"1"))]))
    same([job.result for job in answer_of(waiter).values()], [b"1"], "the result")
    holds(time.monotonic() - start < BOUND_SECONDS, f"it heard within {BOUND_SECONDS:g} s")


def _kill_under_sleepers(bench: Bench) -> None:
    time.sleep(0.2)  # so that they sleep already; awake they would have it easier
    server = _server(bench)
    server.kill()
    server.start()


@law("G16", needs=("server",))
def a_server_that_stands_still_is_not_waited_for(bench: Bench) -> None:
    """While the server is stopped by a signal calls end in bounded time; when it goes on, so do they."""
    bench.engine.count()
    with _server(bench).frozen():
        asked = [bench.meanwhile(partial(unavailable, call, "a call")) for call in _asking(bench)]
        for each in asked:
            answer_of(each)
    persistently(bench.push, RETURN_SECONDS)


def _asking(bench: Bench) -> list[Callable[[], object]]:
    return [
        partial(bench.engine.count),
        partial(bench.engine.push, [bench.message(queue="late")]),
        partial(bench.engine.claim, "ada", ["late"], 1),
    ]


@law("G7", needs=("server", "durable"))
def an_outage_retires_nobody(bench: Bench) -> None:
    """While the server was away nobody could beat: a sweep after its return finds nobody dead."""
    bench.engine.beat([])
    id = bench.push()
    bench.beat("ada")
    claim = bench.claim_one(id)
    for _ in range(3):
        persistently(bench.engine.sweep)
    server = _server(bench)
    server.kill()
    bench.clock.live(60.0)
    unavailable(bench.engine.sweep, "a sweep")
    server.start()
    same(persistently(bench.engine.sweep).dead, {}, "who is dead")
    same(bench.engine.owns(claim), True, "the job is still owned")
