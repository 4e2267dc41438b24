"""What `wait` promises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cardoon.model import clock, outcome
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import holds, same
from cardoon.testing.conformance.law import law

LONG = 10.0
"""Seconds; no law sleeps that long unless it is broken."""
PROMPT = 5.0
"""Seconds within which a sleeper must have noticed."""
ASLEEP_SECONDS, SOON_SECONDS = 0.05, 0.2
"""After the first of them a waiter sleeps; one that does not yet passes all the more."""
TRIES = 4
"""One of them is not held up by a busy machine."""


def _wakes(bench: Bench, cause: Callable[[], object], queues: list[str] | None = None) -> None:
    """A waiter that may or may not sleep already hears of what `cause` does."""
    start = time.monotonic()
    waiter = bench.meanwhile(lambda: bench.engine.wait(queues, LONG))
    cause()
    same(answer_of(waiter), True, "the answer")
    holds(time.monotonic() - start < LONG / 2, "it did not sleep through it")


@law("G7")
def work_that_is_there_is_not_waited_for(bench: Bench) -> None:
    """With a job ready before the call, `wait` returns at once."""
    bench.push()
    start = time.monotonic()
    same(bench.engine.wait(None, LONG), True, "the answer")
    holds(time.monotonic() - start < PROMPT, "it returned at once")


@law("G16")
def a_wait_ends(bench: Bench) -> None:
    """Without work `wait` returns in time, and there is nothing to claim; a timeout of 0 asks only."""
    for timeout in (0.0, 0.05):
        start = time.monotonic()
        bench.engine.wait(None, timeout)
        holds(time.monotonic() - start < timeout + PROMPT, "it returned in time")
    same(bench.claim(), [], "the claim")


@law("G16")
def an_idle_wait_says_false(bench: Bench) -> None:
    """`wait` on an engine where nothing ever was says False."""
    same(bench.engine.wait(None, 0.05), False, "the answer")


@law("G7")
def a_push_wakes(bench: Bench) -> None:
    """A job pushed during the call ends it."""
    _wakes(bench, bench.push)


@law("G7")
def a_push_to_a_wanted_queue_wakes(bench: Bench) -> None:
    """A job pushed to one of the named queues ends the call."""
    _wakes(bench, lambda: bench.push(queue="b"), ["a", "b"])


@law("G7")
def falling_due_wakes(bench: Bench) -> None:
    """A job that falls due during the call ends it, and can be claimed then."""
    id = bench.push(due=clock.now() + 0.1)
    same(bench.engine.wait(None, LONG), True, "the answer")
    bench.claim_one(id)


@law("G7")
def a_push_that_is_due_sooner_wakes_in_time(bench: Bench) -> None:
    """A waiter that sleeps until some later moment hears of a job that is due before it."""
    bench.push(due=clock.now() + 3600)
    _wakes(bench, lambda: bench.push(due=clock.now() + 0.05))


@law("G7")
def what_falls_due_soon_is_not_slept_over(bench: Bench) -> None:
    """A waiter hears of a job that is pushed while it sleeps and is due before it would look by itself."""
    late = [_lateness(bench) for _ in range(TRIES)]
    holds(min(late) < 0.25, f"it woke {min(late):.3f} s after a job was due, or later")


def _lateness(bench: Bench) -> float:
    """By how many seconds somebody who slept was late for a job that was pushed meanwhile."""
    awake = threading.Event()

    def next_claim() -> float:
        bench.engine.wait(None, 0.0)
        awake.set()
        while not bench.claim():
            bench.engine.wait(None, LONG)
        return time.monotonic()

    waiter = bench.meanwhile(next_claim)
    awake.wait(LONG)
    time.sleep(ASLEEP_SECONDS)
    due = time.monotonic() + SOON_SECONDS
    bench.push(due=clock.now() + SOON_SECONDS)
    return answer_of(waiter) - due


@law("G7")
def what_comes_after_an_empty_exchange_is_not_slept_through(bench: Bench) -> None:
    """Who says that he `will_wait` and gets nothing hears of a job that is pushed before he does."""
    for _ in range(3):
        same(bench.engine.wait(None, 0.0), False, "the answer while there is nothing")
        same(bench.engine.exchange((), "ada", None, 1, will_wait=True).claims, [], "what is claimed")
        id = bench.push()
        start = time.monotonic()
        same(bench.engine.wait(None, LONG), True, "the answer")
        holds(time.monotonic() - start < LONG / 2, "it did not sleep through it")
        claims = bench.engine.exchange((), "ada", None, 1, will_wait=True).claims
        same([claim.id for claim in claims], [id], "what is claimed then")


@law("G7")
def an_empty_exchange_says_when_something_falls_due(bench: Bench) -> None:
    """Who `will_wait` wakes for a job that was delayed before the exchange, once it is due."""
    bench.engine.wait(None, 0.0)
    bench.push(due=clock.now() + SOON_SECONDS)
    start = time.monotonic()
    same(bench.engine.exchange((), "ada", None, 1, will_wait=True).claims, [], "what is claimed")
    while not bench.claim():
        bench.engine.wait(None, LONG)
        holds(time.monotonic() - start < LONG / 2, "it did not sleep through it")


@law("G7")
def a_retry_wakes(bench: Bench) -> None:
    """A job that waits again after an attempt ends the call."""
    claim = bench.running()
    _wakes(bench, lambda: bench.end(claim, outcome.retrying(clock.now() + 0.02, None)))


@law("G7")
def a_retirement_wakes(bench: Bench) -> None:
    """The jobs of a retired worker end the call."""
    bench.running(worker="ada")
    _wakes(bench, lambda: bench.engine.retire("ada"))


@law("G7")
def a_follow_up_wakes(bench: Bench) -> None:
    """A follow-up of an ended job ends the call."""
    claim = bench.running()
    _wakes(bench, lambda: bench.end(claim, outcome.succeeded(None, (bench.message(),))))


@law("G20")
def a_resume_wakes(bench: Bench) -> None:
    """Resuming a queue with jobs ends the call; a paused queue does not."""
    bench.push()
    bench.engine.pause("celery")
    same(bench.engine.wait(None, 0.05), False, "the answer while it is paused")
    _wakes(bench, lambda: bench.engine.resume("celery"))


@law("G19")
def an_unpark_wakes(bench: Bench) -> None:
    """A parked job that returns to its line ends the call."""
    claim = bench.running(task="new.task")
    bench.end(claim, outcome.parked("unknown"))
    _wakes(bench, lambda: bench.engine.unpark(["new.task"]))


@law("G7")
def jobs_of_other_queues_do_not_count(bench: Bench) -> None:
    """`wait` says False though a queue that is not named has jobs."""
    bench.push(queue="other")
    same(bench.engine.wait(["mine"], 0.05), False, "the answer")


@law("G15")
def a_wake_ends_a_wait(bench: Bench) -> None:
    """`wake` ends every `wait` of its engine object early, so that a worker can stop at once."""
    start = time.monotonic()
    waiters = [bench.meanwhile(lambda: bench.engine.wait(None, LONG)) for _ in range(2)]
    while not all(waiter.done() for waiter in waiters) and time.monotonic() - start < LONG:
        bench.engine.wake()  # again and again, as nobody can see whether they sleep yet
    holds(time.monotonic() - start < LONG / 2, "they ended early")
    same(bench.claim(), [], "the claim")
