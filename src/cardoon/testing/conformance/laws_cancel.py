"""What `cancel` promises."""

from __future__ import annotations

import time

from cardoon.model import clock, outcome
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law


@law("G14")
def a_cancelled_job_never_starts(bench: Bench) -> None:
    """A ready job that is cancelled is final at once and never claimed."""
    id, other = bench.push_many(2)
    same(bench.engine.cancel([id]), {id: State.CANCELLED}, "the answer")
    given(bench.job(id).finished, "the moment of its end")
    same(bench.claim_ids(), [other], "what is claimed")


@law("G14")
def whatever_waits_can_be_cancelled(bench: Bench) -> None:
    """Delayed, retrying and parked jobs are cancelled like ready ones, for ever."""
    retrying, parked = bench.running(task="p"), bench.running(task="p")
    bench.end(retrying, outcome.retrying(clock.now(), None))
    bench.end(parked, outcome.parked("unknown"))
    delayed = bench.push(due=clock.now() - 1 + 3600)
    ids = [retrying.id, parked.id, delayed]
    same(bench.engine.cancel(ids), dict.fromkeys(ids, State.CANCELLED), "the answer")
    bench.engine.unpark(["p"])
    bench.clock.jump(7200)
    bench.engine.sweep()
    same(bench.claim(5), [], "what is claimed later")


@law("G14")
def a_running_job_is_marked(bench: Bench) -> None:
    """Cancelling a running job answers that it runs, and its attempt still owns it."""
    claim = bench.running()
    same(bench.engine.cancel([claim.id]), {claim.id: State.RUNNING}, "the answer")
    same((bench.state(claim.id), bench.engine.owns(claim)), (State.RUNNING, True), "its state")


@law("G14")
def a_marked_job_never_waits_again(bench: Bench) -> None:
    """A job whose cancelling was asked while it ran becomes cancelled instead of waiting again."""
    error = ErrorReport(type="Busy")
    waits = (outcome.retrying(0.0, error), outcome.returned(), outcome.parked("unknown"))
    for end in waits:
        claim = bench.running(task="t")
        bench.engine.cancel([claim.id])
        same(bench.end(claim, end), True, f"the end {end.state}")
        job = bench.job(claim.id)
        same((job.state, job.finished is None), (State.CANCELLED, False), f"after {end.state}")
    bench.engine.unpark(["t"])
    same(bench.claim(5), [], "what is claimed")
    same(bench.count(State.CANCELLED), 3, "how many are counted as cancelled")


@law("G14")
def a_marked_job_does_not_change_any_more(bench: Bench) -> None:
    """A retry that would have changed the message of a marked job, or its queue, changes nothing of it."""
    claim = bench.running(queue="old", args=[1], due=clock.now() - 60)
    bench.engine.cancel([claim.id])
    before = bench.job(claim.id)
    changed = bench.message(id=claim.id, queue="new", args=[2], priority=9)
    bench.end(claim, outcome.retrying(clock.now() + 60, ErrorReport(type="Busy"), changed))
    after = bench.job(claim.id)
    told = [(j.queue, j.priority, j.due, j.retries, j.attempt, j.body) for j in (before, after)]
    same(told[1], told[0], "queue, priority, due moment, counters and message")
    counted = [bench.count(State.CANCELLED, queue) for queue in ("old", "new")]
    same((after.state, counted), (State.CANCELLED, [1, 0]), "its state, and in which queue it is counted")


@law("G14")
def a_marked_job_that_is_given_back_never_ran(bench: Bench) -> None:
    """An attempt that was free stays free when its job becomes cancelled with it."""
    returned, kept = bench.running(worker="ada"), bench.running(worker="bea")
    bench.engine.cancel([returned.id, kept.id])
    bench.end(returned, outcome.returned())
    bench.engine.retire("bea", crashed=False)
    same([bench.job(c.id).attempt for c in (returned, kept)], [0, 0], "the attempts that count")


@law("G14")
def a_marked_job_may_still_succeed(bench: Bench) -> None:
    """An end that is final stands, though cancelling was asked before it."""
    for end in (outcome.succeeded(b"1"), outcome.failed(None), Outcome(state=State.CANCELLED)):
        claim = bench.running()
        bench.engine.cancel([claim.id])
        bench.end(claim, end)
        same((bench.state(claim.id), bench.job(claim.id).result), (end.state, end.result), "state and result")


@law("G14")
def a_marked_job_ends_with_its_worker(bench: Bench) -> None:
    """A job whose cancelling was asked does not run again when its worker is retired."""
    for crashed in (True, False):
        claim = bench.running(worker=f"crashed {crashed}")
        bench.engine.cancel([claim.id])
        bench.engine.retire(claim.worker, crashed=crashed)
        same(bench.state(claim.id), State.CANCELLED, "its state")
    same(bench.claim(5), [], "what is claimed")


@law("G14")
def what_has_ended_stays_as_it_is(bench: Bench) -> None:
    """Cancelling an ended job answers with its state and changes nothing."""
    job = bench.finished(outcome.succeeded(b"1"))
    same(bench.engine.cancel([job.id]), {job.id: State.SUCCEEDED}, "the answer")
    same(bench.job(job.id), job, "the job")


@law("G14")
def an_unknown_job_is_not_told_of(bench: Bench) -> None:
    """Unknown ids are not in the answer, and cancelling nothing is allowed."""
    id = bench.push()
    same(bench.engine.cancel(["unknown", id]), {id: State.CANCELLED}, "the answer")
    same(bench.engine.cancel([]), {}, "the answer to nothing")
    same(bench.engine.push([bench.message(id="unknown")]), [True], "pushing that id later")


@law("G14")
def cancelling_twice_is_once(bench: Bench) -> None:
    """A second cancel changes nothing, and one job is counted."""
    id = bench.push()
    bench.engine.cancel([id])
    job = bench.job(id)
    same((bench.engine.cancel([id]), bench.job(id)), ({id: State.CANCELLED}, job), "answer and job")
    same(bench.count(State.CANCELLED), 1, "how many are counted")


@law("G14")
def many_are_cancelled_at_once(bench: Bench) -> None:
    """A thousand jobs are cancelled in one call."""
    ids = bench.push_many(1_000)
    same(set(bench.engine.cancel(ids).values()), {State.CANCELLED}, "the answers")
    same((bench.claim(), bench.count(State.CANCELLED)), ([], 1_000), "what is left")


@law("G18")
def who_waits_for_a_cancelled_job_hears(bench: Bench) -> None:
    """`wait_results` ends when the job is cancelled."""
    id = bench.push()
    start = time.monotonic()
    waiter = bench.meanwhile(lambda: bench.engine.wait_results([id], 20.0))
    bench.engine.cancel([id])
    same([job.state for job in answer_of(waiter).values()], [State.CANCELLED], "the answer")
    holds(time.monotonic() - start < 10.0, "it did not sleep through it")
