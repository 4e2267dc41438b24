"""What `push` promises to an attempt that sends: only who owns its job makes new ones."""

from __future__ import annotations

from functools import partial

import msgspec

from cardoon.model import clock, outcome
from cardoon.model.errors import LeaseLost
from cardoon.model.job import Claim, Filter
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, refused, same
from cardoon.testing.conformance.law import law


def _sends_nothing(bench: Bench, claim: Claim, why: str) -> None:
    """What this attempt sends is refused, one by one and in batches, and nothing of it is stored."""
    known = len(bench.engine.find(Filter(), limit=1_000).jobs)
    for messages in ([bench.message()], [bench.message() for _ in range(3)], []):
        refused(
            LeaseLost, partial(bench.engine.push, messages, by=claim), f"a push of {len(messages)}, {why}"
        )
    same(len(bench.engine.find(Filter(), limit=1_000).jobs), known, f"how many jobs there are, {why}")


@law("G8")
def a_running_attempt_sends(bench: Bench) -> None:
    """What the attempt that owns its job sends is stored as ever, and known ids change nothing."""
    claim, messages = bench.running(), [bench.message(), bench.message(due=clock.now() + 60)]
    same(bench.engine.push(messages, by=claim), [True, True], "the answer")
    same(bench.engine.push([*messages, bench.message()], by=claim), [False, False, True], "the second answer")
    same([bench.state(m.id) for m in messages], [State.READY, State.DELAYED], "the states")


@law("G8")
def a_lost_attempt_sends_nothing(bench: Bench) -> None:
    """Once its worker was retired, crashed or not, an attempt's push is refused and stores nothing."""
    for crashed in (True, False):
        claim = bench.running(worker=f"crashed {crashed}")
        bench.engine.retire(claim.worker, crashed=crashed)
        _sends_nothing(bench, claim, f"retired, crashed {crashed}")
        bench.engine.cancel([claim.id])


@law("G8")
def an_ended_attempt_sends_nothing(bench: Bench) -> None:
    """Once its end was written, whatever it was, an attempt's push is refused and stores nothing."""
    ends = (
        outcome.succeeded(b"1"),
        outcome.failed(None),
        outcome.skipped("no"),
        outcome.retrying(clock.now() + 60, None),
        outcome.returned(),
        outcome.parked("unknown"),
    )
    for end in ends:
        claim = bench.running(queue=end.state)
        bench.end(claim, end)
        _sends_nothing(bench, claim, f"after {end.state}")
        bench.engine.cancel([claim.id])


@law("G8")
def an_attempt_whose_job_runs_elsewhere_sends_nothing(bench: Bench) -> None:
    """While another attempt runs the job the earlier one sends nothing, and the current one does."""
    stale = bench.running(worker="ada")
    bench.engine.retire("ada", crashed=False)
    current = bench.claim_one(stale.id, worker="bea")
    _sends_nothing(bench, stale, "while another runs it")
    same(bench.engine.push([bench.message()], by=current), [True], "what the current attempt sends")
    bench.end(current, outcome.retrying(0.0, None))
    again = bench.claim_one(stale.id, worker="bea", alone=True)
    _sends_nothing(bench, current, "while the same worker runs it anew")
    same(bench.engine.push([bench.message()], by=again), [True], "what the next attempt sends")


@law("G8")
def a_stranger_sends_nothing(bench: Bench) -> None:
    """A claim that the engine never gave out sends nothing."""
    claim = bench.running()
    _sends_nothing(bench, msgspec.structs.replace(claim, token=claim.token + 1), "with another token")
    other = msgspec.structs.replace(claim, message=bench.message(), ref=claim.ref + 1_000)
    _sends_nothing(bench, other, "of an unknown job")
    same(bench.engine.owns(claim), True, "that the true one still owns its job")


@law("G8")
def a_marked_attempt_sends_on(bench: Bench) -> None:
    """While a job runs whose cancelling was asked, its attempt owns it and may send."""
    claim = bench.running()
    bench.engine.cancel([claim.id], terminate=True)
    same(bench.engine.push([bench.message()], by=claim), [True], "the answer")


@law("G8")
def an_attempt_of_a_cancelled_job_sends_nothing(bench: Bench) -> None:
    """Once a job that was given back is cancelled, or has expired, its earlier attempt sends nothing."""
    cancelled = bench.running()
    bench.end(cancelled, outcome.returned())
    bench.engine.cancel([cancelled.id])
    _sends_nothing(bench, cancelled, "cancelled")
    expired = bench.running(expires=clock.now() + 60)
    bench.end(expired, outcome.returned())
    bench.clock.jump(120)
    bench.engine.sweep()
    _sends_nothing(bench, expired, "expired")


@law("G18")
def the_refusal_names_the_job(bench: Bench) -> None:
    """The error of a refused push names the job, its task and the attempt, and shows no argument."""
    claim = bench.running(args=["secret word"], task="shop.charge")
    bench.engine.retire("ada")
    error = refused(LeaseLost, partial(bench.engine.push, [bench.message()], by=claim), "the push")
    holds(claim.id in str(error), "it names the job")
    holds("shop.charge" in str(error), "it names the task")
    holds("attempt 1" in str(error), "it names the attempt")
    holds("secret" not in str(error), "it shows no argument")


@law("G8", needs=("shared",))
def a_lease_is_asked_of_the_engine(bench: Bench) -> None:
    """Another engine object on the same place knows as well who owns a job."""
    claim, other = bench.running(), bench.again()
    same(other.push([bench.message()], by=claim), [True], "the answer")
    bench.engine.retire(claim.worker)
    refused(LeaseLost, partial(other.push, [bench.message()], by=claim), "the push of the lost attempt")
