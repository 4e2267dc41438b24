"""What `result`, `wait_results` and `wake` promise."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from cardoon.engines.contract import Engine
from cardoon.model import outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import holds, same
from cardoon.testing.conformance.law import law

LONG = 20.0
"""Seconds; no law sleeps that long unless it is broken."""


def _hears(bench: Bench, ids: list[str], cause: Callable[[], object]) -> list[str]:
    """The ids that a waiter, perhaps asleep already, hears of after `cause`."""
    start = time.monotonic()
    waiter = bench.meanwhile(lambda: bench.engine.wait_results(ids, LONG))
    cause()
    found = answer_of(waiter)
    holds(time.monotonic() - start < LONG / 2, "it did not sleep through it")
    return sorted(found)


@law("G18")
def an_unknown_id_is_unknown(bench: Bench) -> None:
    """`result` of an id that was never pushed is None, and asking makes no job."""
    same((bench.engine.result("unknown"), bench.engine.result("")), (None, None), "the answers")
    same(bench.claim(), [], "what is claimed")


@law("G18")
def a_result_is_seen_as_soon_as_the_state(bench: Bench) -> None:
    """Whoever waits for a job finds state and result together."""
    claim = bench.running()
    waiter = bench.meanwhile(lambda: bench.engine.wait_results([claim.id], LONG))
    bench.end(claim, outcome.succeeded(b"42"))
    same([(j.state, j.result) for j in answer_of(waiter).values()], [(State.SUCCEEDED, b"42")], "the answer")


@law("G18")
def what_has_ended_is_not_waited_for(bench: Bench) -> None:
    """With a job final before the call the answer comes at once, and holds all that are."""
    done = [bench.finished(outcome.succeeded(None)).id for _ in range(2)]
    start = time.monotonic()
    same(sorted(bench.engine.wait_results([*done, bench.push()], LONG)), sorted(done), "the answer")
    holds(time.monotonic() - start < LONG / 2, "it came at once")


@law("G18")
def a_wait_without_an_end_is_empty(bench: Bench) -> None:
    """After its timeout `wait_results` answers with nothing; no ids are nothing to wait for long."""
    id = bench.push()
    start = time.monotonic()
    same(bench.engine.wait_results([id], 0.05), {}, "the answer")
    same(bench.engine.wait_results([id, "unknown"], 0.0), {}, "the answer to a timeout of 0")
    same(bench.engine.wait_results([], 0.05), {}, "the answer for no id")
    holds(time.monotonic() - start < LONG / 2, "it came in time")


@law("G18")
def every_kind_of_end_is_heard(bench: Bench) -> None:
    """Success, failure, skipping, cancelling and quarantine end a wait."""
    for end in (outcome.succeeded(None), outcome.failed(None), outcome.skipped("no")):
        claim = bench.running()
        same(
            _hears(bench, [claim.id], partial(bench.end, claim, end)),
            [claim.id],
            f"after {end.state}",
        )
    marked = bench.running(worker="eve")
    bench.engine.cancel([marked.id])
    same(_hears(bench, [marked.id], lambda: bench.engine.retire("eve")), [marked.id], "after a retirement")


@law("G18")
def a_retry_is_no_end(bench: Bench) -> None:
    """A job that waits again is waited for until it is final."""
    claim = bench.running()

    def twice() -> None:
        bench.end(claim, outcome.retrying(0.0, None))
        bench.end(bench.claim_one(claim.id), outcome.succeeded(b"2"))

    same(_hears(bench, [claim.id], twice), [claim.id], "the answer")


@law("G18")
def an_unknown_id_is_waited_for(bench: Bench) -> None:
    """A job that is pushed and ended during the call is heard of."""
    message = bench.message()

    def live() -> None:
        bench.engine.push([message])
        bench.end(bench.claim_one(message.id), outcome.succeeded(None))

    same(_hears(bench, [message.id], live), [message.id], "the answer")


@law("G18")
def the_first_end_is_enough(bench: Bench) -> None:
    """One of several jobs that ends is an answer."""
    first, second = bench.running(), bench.running()
    same(
        _hears(bench, [first.id, second.id], lambda: bench.end(second, outcome.failed(None))),
        [second.id],
        "it",
    )


@law("G18")
def a_wake_ends_every_wait(bench: Bench) -> None:
    """`wake` ends every `wait_results` of its engine object early; it answers with what is final."""
    start = time.monotonic()
    waiters = [bench.meanwhile(lambda: bench.engine.wait_results(["unknown"], LONG)) for _ in range(2)]
    while not all(waiter.done() for waiter in waiters) and time.monotonic() - start < LONG:
        bench.engine.wake()  # again and again, as nobody can see whether they sleep yet
    same([answer_of(waiter) for waiter in waiters], [{}, {}], "the answers")
    holds(time.monotonic() - start < LONG / 2, "they ended early")


@law("G18")
def many_are_waited_for_at_once(bench: Bench) -> None:
    """A wait for two thousand ids hears of the one that ends."""
    ids = bench.push_many(2_000)
    claim = bench.claim_one(ids[0])
    same(_hears(bench, ids, lambda: bench.end(claim, outcome.succeeded(None))), [claim.id], "the answer")


@law("G18", needs=("shared",))
def who_asked_early_is_told_as_soon_as_who_comes_late(bench: Bench) -> None:
    """Who waited before anything had ended finds thousands of ends as fast as who connects after them."""
    bench.engine.wait_results([bench.push()], 0.0)
    ids = bench.push_many(8_000)
    while claims := bench.claim(1_000):
        bench.engine.settle([(claim, outcome.succeeded(None)) for claim in claims])
    early, late = (_seconds_to_find(engine, ids) for engine in (bench.engine, bench.again()))
    holds(early < 4 * late + 0.2, f"early {early:.2f} s, late {late:.2f} s")


def _seconds_to_find(engine: Engine, ids: list[str]) -> float:
    """The least of three looks: others use the machine too."""
    taken = []
    for _ in range(3):
        start = time.monotonic()
        same(len(engine.wait_results(ids, 0.0)), len(ids), "the ends found")
        taken.append(time.monotonic() - start)
    return min(taken)
