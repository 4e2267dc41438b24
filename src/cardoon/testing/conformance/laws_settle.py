"""What `settle` promises of ends that are final, and of the fence."""

from __future__ import annotations

import msgspec

from cardoon.model import clock, outcome
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import FINAL, State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law

ERROR = ErrorReport(type="ValueError", message="no", args=["no"], traceback="Traceback")


@law("G18")
def success_keeps_its_result(bench: Bench) -> None:
    """A job that succeeded has its result and the moment of its end, written together."""
    job = bench.finished(outcome.succeeded(b"42"))
    same((job.state, job.result, job.error), (State.SUCCEEDED, b"42", None), "state, result and error")
    holds(abs(given(job.finished, "the end") - clock.now()) < 60, "it ended now")
    same((job.final, job.attempt), (True, 1), "that it is final, and the attempt")


@law("G18")
def failure_keeps_its_error(bench: Bench) -> None:
    """A job that failed has its error; one whose error was not to be stored has none."""
    job = bench.finished(outcome.failed(ERROR))
    same((job.state, job.error), (State.FAILED, ERROR), "state and error")
    bare = bench.finished(outcome.failed(None))
    same((bare.state, bare.error), (State.FAILED, None), "state and error of the other")


@law("G18")
def other_ends_keep_their_note(bench: Bench) -> None:
    """A skipped job and one whose result was lost keep the reason."""
    skipped = bench.finished(outcome.skipped("already running", b"text"))
    same(
        (skipped.state, skipped.note, skipped.result), (State.SKIPPED, "already running", b"text"), "skipped"
    )
    lost = bench.finished(outcome.result_lost("too large"))
    same((lost.state, lost.note, lost.result), (State.RESULT_LOST, "too large", None), "result lost")


@law("G18")
def an_end_tells_when_the_body_started(bench: Bench) -> None:
    """The moment at which the body started is kept with the end."""
    claim = bench.running()
    began = claim.claimed + 0.25
    bench.end(claim, msgspec.structs.replace(outcome.succeeded(None), started=began))
    same(bench.job(claim.id).started, began, "the start")


@law("G8")
def a_second_end_is_refused(bench: Bench) -> None:
    """The second end of an attempt is refused and changes nothing."""
    claim = bench.running()
    same(bench.end(claim, outcome.succeeded(b"first")), True, "the first end")
    before = bench.job(claim.id)
    for late in (
        outcome.succeeded(b"second"),
        outcome.failed(ERROR),
        outcome.returned(),
        outcome.parked("no"),
    ):
        same(bench.end(claim, late), False, f"a second end, {late.state}")
    same(bench.job(claim.id), before, "the job")


@law("G8")
def a_stale_end_is_refused(bench: Bench) -> None:
    """The end of an attempt whose job runs again elsewhere is refused and changes nothing."""
    stale = bench.running(worker="ada")
    bench.engine.retire("ada", crashed=False)
    current = bench.claim_one(stale.id, worker="bea")
    before = bench.job(stale.id)
    for late in (outcome.succeeded(b"late"), outcome.retrying(0.0, ERROR), outcome.returned()):
        same(bench.end(stale, late), False, f"a stale end, {late.state}")
    same(bench.job(stale.id), before, "the job")
    same(bench.end(current, outcome.succeeded(b"good")), True, "the current end")
    same(bench.job(stale.id).result, b"good", "the result")


@law("G8")
def an_end_of_the_same_worker_can_be_stale(bench: Bench) -> None:
    """The fence is the token, not the worker's name: an earlier attempt of the same worker is refused."""
    stale = bench.running(worker="ada")
    bench.end(stale, outcome.retrying(0.0, None))
    current = bench.claim_one(stale.id, worker="ada")
    same(bench.end(stale, outcome.succeeded(b"late")), False, "the stale end")
    same(bench.end(current, outcome.succeeded(b"good")), True, "the current end")


@law("G8")
def an_end_without_a_job_is_refused(bench: Bench) -> None:
    """The end of a job that the engine never saw is refused and makes no job."""
    claim = bench.running()
    stranger = msgspec.structs.replace(claim, message=bench.message(), ref=claim.ref + 1000)
    same(bench.end(stranger, outcome.succeeded(b"1", (bench.message(),))), False, "the end")
    same((bench.engine.result(stranger.id), bench.claim_ids()), (None, []), "what came of it")


@law("I4")
def final_is_final(bench: Bench) -> None:
    """No verb moves a job out of a final state."""
    for state in FINAL - {State.EXPIRED, State.QUARANTINED}:
        claim = bench.running(worker=f"of {state}")
        bench.end(claim, Outcome(state=state))
        before = bench.job(claim.id)
        bench.engine.cancel([claim.id])
        bench.engine.purge(["celery"])
        bench.engine.retire(claim.worker)
        bench.engine.unpark([claim.message.task])
        bench.engine.sweep()
        same((bench.job(claim.id), bench.claim_ids()), (before, []), f"the {state} job")


@law("G8")
def what_follows_comes_with_its_end(bench: Bench) -> None:
    """Follow-up messages are jobs once their end is accepted, delayed ones at their time."""
    claim = bench.running()
    now, later = bench.message(parent=claim.id), bench.message(due=clock.now() + 60, priority=0)
    same(bench.engine.result(now.id), None, "the follow-up before the end")
    bench.end(claim, outcome.succeeded(b"1", (now, later)))
    same((bench.state(now.id), bench.state(later.id)), (State.READY, State.DELAYED), "the follow-ups")
    same(bench.job(now.id).parent, claim.id, "its parent")


@law("G8")
def what_follows_a_refused_end_never_comes(bench: Bench) -> None:
    """A refused end pushes nothing."""
    stale, follow = bench.running(worker="ada"), bench.message()
    bench.engine.retire("ada")
    same(bench.end(stale, outcome.succeeded(b"1", (follow,))), False, "the end")
    same(bench.engine.result(follow.id), None, "the follow-up")


@law("G2")
def a_follow_up_has_an_id_like_any_job(bench: Bench) -> None:
    """A follow-up whose id is known already makes no second job, and the end is accepted."""
    claim, known = bench.running(), bench.message()
    bench.engine.push([known])
    same(bench.end(claim, outcome.succeeded(b"1", (known, bench.message()))), True, "the end")
    same(len(bench.claim(5)), 2, "how many jobs wait")


@law("G8")
def ends_stand_each_for_itself(bench: Bench) -> None:
    """In a batch of ends the current ones are written though others are refused."""
    claims = [bench.running() for _ in range(5)]
    bench.end(claims[1], outcome.skipped("before"))
    bench.end(claims[3], outcome.returned())
    follow = [bench.message() for _ in claims]
    ends = [(c, outcome.succeeded(b"1", (f,))) for c, f in zip(claims, follow, strict=True)]
    refused = bench.engine.settle(ends)
    same(sorted(c.id for c in refused), sorted([claims[1].id, claims[3].id]), "those refused")
    for n, claim in enumerate(claims):
        accepted = n not in (1, 3)
        same(bench.state(claim.id) is State.SUCCEEDED, accepted, f"that end {n} is written")
        same(bench.engine.result(follow[n].id) is not None, accepted, f"that its follow-up {n} is there")


@law("G18")
def a_large_batch_of_ends_is_written(bench: Bench) -> None:
    """A thousand ends in one call are written, each with its own result."""
    bench.push_many(1_000)
    claims = bench.claim(1_000)
    same(bench.engine.settle([(c, outcome.succeeded(c.id.encode())) for c in claims]), [], "those refused")
    holds(all(bench.job(c.id).result == c.id.encode() for c in claims[::50]), "each has its own result")
    same(bench.count(State.SUCCEEDED), 1_000, "how many succeeded")


@law("G8")
def the_same_end_twice_in_a_batch_is_once(bench: Bench) -> None:
    """Two ends of one claim in the same batch: the first is written, the second refused."""
    claim = bench.running()
    refused = bench.engine.settle([(claim, outcome.succeeded(b"1")), (claim, outcome.succeeded(b"2"))])
    same(([c.id for c in refused], bench.job(claim.id).result), ([claim.id], b"1"), "refused, and the result")


@law("G8")
def settling_nothing_is_nothing(bench: Bench) -> None:
    """An empty batch of ends is allowed."""
    same(bench.engine.settle([]), [], "those refused")
