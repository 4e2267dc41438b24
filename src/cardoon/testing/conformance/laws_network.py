"""What holds on a network that is slow, silent, full of holes, or not there."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from cardoon.engines.contract import Engine
from cardoon.model import outcome
from cardoon.model.errors import EngineUnavailable
from cardoon.model.job import Report
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import holds, same, until
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.network import (
    BOUND_SECONDS,
    RETURN_SECONDS,
    behind_a_proxy,
    persistently,
    unavailable,
)

LONG = 20.0
"""Seconds; no law sleeps that long unless it is broken."""
DEAF_SECONDS = 2.0
"""Within which a waiter finds out by itself what nobody told it."""
_CUTS = 200
NOTICED_SECONDS = 15.0
"""Within which a connection that died in silence is noticed and replaced."""


@law("G2", needs=("network",))
def a_push_whose_answer_was_swallowed_makes_one_job(bench: Bench) -> None:
    """The server stored it and the answer never came: the call ends in bounded time; repeated, one job."""
    with behind_a_proxy(bench) as (engine, proxy):
        message = bench.message()
        proxy.swallow()
        _either(partial(engine.push, [message]), "the push")
        persistently(partial(engine.push, [message]))
    same(bench.claim_ids(), [message.id], "the jobs")


@law("G8", needs=("network",))
def an_end_whose_answer_was_swallowed_stands(bench: Bench) -> None:
    """The server wrote it and the answer never came: the call ends in bounded time; repeated, not refused."""
    with behind_a_proxy(bench) as (engine, proxy):
        ends = [(bench.running(), outcome.succeeded(b"1"))]
        proxy.swallow()
        _either(partial(engine.settle, ends), "the settle")
        same(persistently(partial(engine.settle, ends)), [], "what is refused")
    same(bench.count(State.RUNNING), 0, "what still runs")


def _either(call: Callable[[], object], what: str) -> None:
    """The call answers, if the engine repeated it by itself, or says that it got no answer."""
    start = time.monotonic()
    with suppress(EngineUnavailable):
        call()
    took = time.monotonic() - start
    holds(took < BOUND_SECONDS, f"{what} ended within {BOUND_SECONDS:g} s, not after {took:.1f} s")


@law("G16", needs=("network",))
def in_a_black_hole_every_call_ends(bench: Bench) -> None:
    """While connections are accepted and nothing is said, calls end in bounded time; then all goes on.

    What they asked for may reach the server afterwards: repeated, it was done once.
    """
    with behind_a_proxy(bench) as (engine, proxy):
        claim, message = bench.running(), bench.message()
        end = [(claim, outcome.succeeded(None))]
        calls: dict[str, Callable[[], object]] = {
            "push": partial(engine.push, [message]),
            "settle": partial(engine.settle, end),
            "claim": partial(engine.claim, "bea", ["q"], 1),
            "beat": partial(engine.beat, [Report(worker="ada", beats=1)]),
            "result": partial(engine.result, claim.id),
            "sweep": engine.sweep,
            "wait_results": partial(engine.wait_results, [claim.id], 0.1),
        }
        proxy.black_hole()
        for running in [bench.meanwhile(partial(unavailable, call, name)) for name, call in calls.items()]:
            answer_of(running)
        proxy.heal()
        _works_again(bench, engine)
        persistently(partial(engine.push, [message]))
        same(persistently(partial(engine.settle, end)), [], "the end that is refused")
    same(bench.claim_ids(queues=["celery"]), [message.id], "the jobs")


@law("G16", needs=("network",))
def who_is_refused_says_so_and_comes_back(bench: Bench) -> None:
    """While every connection is refused, calls say that the engine is not there; then all goes on."""
    with behind_a_proxy(bench) as (engine, proxy):
        engine.count()
        proxy.refuse()
        proxy.cut()
        for call in (engine.count, partial(engine.push, [bench.message()]), engine.sweep):
            unavailable(call, "a call")
        proxy.heal()
        _works_again(bench, engine)


@law("G16", needs=("network",))
def however_often_it_is_cut_it_comes_back(bench: Bench) -> None:
    """An engine object whose connections were cut two hundred times works as one that is new."""
    with behind_a_proxy(bench) as (engine, proxy):
        for _ in range(_CUTS):
            proxy.cut()
            persistently(engine.count)
        _works_again(bench, engine)
        holds(proxy.connections < _CUTS / 10, f"it left none behind: {proxy.connections} are open")


@law("G16", needs=("network",))
def connections_that_died_in_silence_are_replaced(bench: Bench) -> None:
    """When all its connections went silent an engine object says so in bounded time, and makes new ones."""
    with behind_a_proxy(bench) as (engine, proxy):
        engine.count()
        proxy.silence()
        _either(engine.count, "the call")
        persistently(engine.count)
        _works_again(bench, engine)


@law("G13", needs=("network",))
def a_slow_link_in_small_pieces_changes_nothing(bench: Bench) -> None:
    """With every byte late and alone a job is pushed, claimed, ended and waited for as ever."""
    with behind_a_proxy(bench) as (engine, proxy):
        engine.count()
        proxy.split(7)
        message = bench.message(args=["ä" * 100])
        engine.push([message])
        proxy.delay(0.002)
        proxy.split(200)
        (claim,) = engine.claim("ada", None, 1)
        same(claim.message, message, "the message")
        same(engine.settle([(claim, outcome.succeeded(b"x" * 1_000))]), [], "what is refused")
        found = engine.wait_results([claim.id], LONG)
        same(found[claim.id].result, b"x" * 1_000, "the result")


@law("G3", needs=("network",))
def a_slow_client_and_a_quick_one_share_no_job(bench: Bench) -> None:
    """Two clients claim and end the same jobs, one with every answer late: each job is ended by one."""
    ids = bench.push_many(60)
    with behind_a_proxy(bench) as (engine, proxy):
        proxy.delay(0.002)
        slow = bench.meanwhile(lambda: _work_off(engine, "slow"))
        quick = _work_off(bench.engine, "quick")
        done = quick + answer_of(slow)
    same(sorted(done), sorted(ids), "the jobs that were ended, each once")


def _work_off(engine: Engine, worker: str) -> list[str]:
    done: list[str] = []
    while claims := engine.claim(worker, None, 3):
        refused = engine.settle([(claim, outcome.succeeded(None)) for claim in claims])
        same(refused, [], "the ends that were refused")
        done += [claim.id for claim in claims]
    return done


@law("G8", needs=("network",))
def a_worker_that_was_cut_off_writes_nothing_afterwards(bench: Bench) -> None:
    """While it is out of reach a worker is retired and its job runs elsewhere: back again, it is refused."""
    with behind_a_proxy(bench) as (engine, proxy):
        id = bench.push()
        (claim,) = engine.claim("ada", None, 1)
        engine.beat([Report(worker="ada", beats=1)])
        proxy.refuse()
        proxy.cut()
        bench.engine.retire("ada", crashed=False)
        again = bench.claim_one(id, worker="bea")
        proxy.heal()
        late = [(claim, outcome.succeeded(b"late"))]
        same(persistently(partial(engine.settle, late)), [claim], "what is refused")
        same(persistently(partial(engine.annotate, claim, "progress", b"late")), False, "late progress")
        heard = persistently(partial(engine.beat, [Report(worker="ada", beats=2)]))
        same(heard.retired, {"ada"}, "who hears that it was retired")
    same(bench.end(again, outcome.succeeded(b"in time")), True, "the end of the other attempt")


@law("G7", needs=("network",))
def who_hears_nothing_still_finds_work(bench: Bench) -> None:
    """A waiter that notifications do not reach any more finds a pushed job within two seconds."""
    with behind_a_proxy(bench) as (engine, proxy):
        same(engine.wait(None, 0.05), False, "what an idle wait says")
        proxy.deafen()
        _found_in_time(bench, engine, DEAF_SECONDS)
        _found_in_time(bench, engine, DEAF_SECONDS)
        proxy.heal()
        until(lambda: _seconds_to_find(bench, engine) < 0.5, "it is told again", NOTICED_SECONDS)


@law("G18", needs=("network",))
def who_hears_nothing_still_finds_results(bench: Bench) -> None:
    """A waiter that notifications do not reach any more finds a result within two seconds."""
    with behind_a_proxy(bench) as (engine, proxy):
        same(engine.wait_results(["unknown"], 0.05), {}, "what an idle wait says")
        proxy.deafen()
        for _ in range(2):
            claim = bench.running()
            waiter = bench.meanwhile(partial(engine.wait_results, [claim.id], LONG))
            time.sleep(0.2)  # so that it sleeps already; awake it would have it easier
            start = time.monotonic()
            bench.end(claim, outcome.succeeded(None))
            same([*answer_of(waiter)], [claim.id], "what it found")
            took = time.monotonic() - start
            holds(took < DEAF_SECONDS, f"it was found within {DEAF_SECONDS:g} s, not after {took:.1f} s")


def _found_in_time(bench: Bench, engine: Engine, seconds: float) -> None:
    took = _seconds_to_find(bench, engine)
    holds(took < seconds, f"the job was found within {seconds:g} s, not after {took:.1f} s")


def _seconds_to_find(bench: Bench, engine: Engine) -> float:
    """How long a waiter, which sleeps most likely, needs for a job that is pushed elsewhere."""
    waiter = bench.meanwhile(partial(persistently, partial(engine.wait, None, LONG), LONG))
    time.sleep(0.2)  # so that it sleeps already; awake it would have it easier
    start = time.monotonic()
    bench.push()
    answer_of(waiter)
    took = time.monotonic() - start
    bench.engine.purge(["celery"])
    return took


def _works_again(bench: Bench, engine: Engine) -> None:
    """Within two seconds a job goes all its way by this engine object."""
    message = bench.message(queue="again")
    start = time.monotonic()
    persistently(partial(engine.push, [message]), RETURN_SECONDS)
    holds(time.monotonic() - start < RETURN_SECONDS, f"it worked again within {RETURN_SECONDS:g} s")
    (claim,) = engine.claim("again", ["again"], 1)
    same(
        (claim.id, engine.settle([(claim, outcome.succeeded(None))])),
        (message.id, []),
        "the job, the refused",
    )
