"""What `settle` promises of ends after which a job waits again."""

from __future__ import annotations

import msgspec

from cardoon.model import clock, outcome
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same
from cardoon.testing.conformance.law import law

ERROR = ErrorReport(module="shop", type="Busy", message="later")


@law("G3", needs=("clock",))
def a_retry_waits_for_its_time(bench: Bench) -> None:
    """A retried job is not claimed before the retry is due, and then as its next attempt."""
    claim = bench.running()
    due = clock.now() + 60
    bench.end(claim, outcome.retrying(due, ERROR))
    job = bench.job(claim.id)
    same((job.state, job.due, job.retries, job.worker), (State.RETRYING, due, 1, None), "the job")
    same(bench.claim(), [], "what is claimed before its time")
    bench.clock.jump(60)
    again = bench.claim_one(claim.id)
    same((again.attempt, again.retries, clock.now() >= due), (2, 1, True), "the claim")


@law("G3")
def a_retry_due_at_once_is_claimed_at_once(bench: Bench) -> None:
    """A retry that is due already is claimed by the next claim."""
    claim = bench.running()
    bench.end(claim, outcome.retrying(clock.now(), ERROR))
    same(bench.claim_one(claim.id).attempt, 2, "the attempt")


@law("G3")
def a_retry_far_ahead_stays(bench: Bench) -> None:
    """A retry due in an hour is neither claimed nor promoted by a sweep."""
    claim = bench.running()
    bench.end(claim, outcome.retrying(clock.now() + 3600, None))
    same((bench.engine.sweep().due, bench.claim()), (0, []), "swept and claimed")
    same(bench.state(claim.id), State.RETRYING, "the state")


@law("G3")
def a_retry_may_change_the_message(bench: Bench) -> None:
    """A retry may bring another message, with other arguments, priority and queue; the id stays."""
    claim = bench.running(args=[1])
    changed = msgspec.structs.replace(claim.message, args=[2], queue="slow", priority=9)
    bench.end(claim, outcome.retrying(0.0, None, changed))
    same(bench.claim_ids(queues=["celery"]), [], "what the old queue has")
    again = bench.claim(queues=["slow"])
    same([c.message for c in again], [changed], "what the new queue has")
    job = bench.job(claim.id)
    same((job.queue, job.priority), ("slow", 9), "the record")


@law("G18")
def a_retry_leaves_its_attempt_on_record(bench: Bench) -> None:
    """The attempts that were retried are told in order, each with its number, worker and error."""
    id = bench.push()
    for n in (1, 2):
        claim = bench.claim_one(id, worker=f"w{n}")
        error = ErrorReport(type="Busy", message=f"attempt {n}")
        bench.end(claim, outcome.retrying(0.0, error))
    bench.end(bench.claim_one(id), outcome.succeeded(None))
    told = [(a.id, a.attempt, a.worker, str(a.error)) for a in bench.engine.attempts(id)]
    same(told, [(id, 1, "w1", "Busy: attempt 1"), (id, 2, "w2", "Busy: attempt 2")], "the attempts")


@law("G18")
def a_job_that_ended_at_once_has_no_earlier_attempts(bench: Bench) -> None:
    """The attempt that ended a job is the job itself; a returned one left no trace; unknown has none."""
    claim = bench.running()
    bench.end(claim, outcome.returned())
    bench.end(bench.claim_one(claim.id), outcome.succeeded(None))
    same((bench.engine.attempts(claim.id), bench.engine.attempts("unknown")), ([], []), "the attempts")


@law("G15")
def a_returned_job_is_not_charged(bench: Bench) -> None:
    """A job given back counts no attempt and no retry, and its next claim has a greater token."""
    claim = bench.running()
    same(bench.end(claim, outcome.returned()), True, "the end")
    job = bench.job(claim.id)
    same((job.state, job.attempt, job.retries, job.worker), (State.READY, 0, 0, None), "the job")
    again = bench.claim_one(claim.id)
    same((again.attempt, again.retries, again.token > claim.token), (1, 0, True), "the next claim")


@law("G15")
def a_returned_job_keeps_its_place(bench: Bench) -> None:
    """A job given back stands before those that came after it."""
    ids = bench.push_many(4)
    first, second = bench.claim(2)
    bench.engine.settle([(second, outcome.returned()), (first, outcome.returned())])
    same(bench.claim_ids(), ids, "the order")


@law("G15", needs=("clock",))
def a_returned_job_may_have_expired(bench: Bench) -> None:
    """A job given back after its `expires` does not start again."""
    claim = bench.running(expires=clock.now() + 60)
    bench.clock.jump(61)
    bench.end(claim, outcome.returned())
    same((bench.claim(), bench.state(claim.id)), ([], State.EXPIRED), "the claim, and its state")


@law("G14", needs=("clock",))
def a_retried_job_may_expire(bench: Bench) -> None:
    """A retry that would start after the job's `expires` does not."""
    expires = clock.now() + 60
    claim = bench.running(expires=expires)
    bench.end(claim, outcome.retrying(expires + 1, None))
    bench.clock.jump(62)
    same((bench.claim(), bench.state(claim.id)), ([], State.EXPIRED), "the claim, and its state")


@law("G19")
def a_parked_job_is_kept(bench: Bench) -> None:
    """A parked job is neither claimed nor swept away; it tells why, and its attempt was free."""
    claim = bench.running(task="new.task")
    bench.end(claim, outcome.parked("no task new.task here"))
    bench.engine.sweep()
    job = bench.job(claim.id)
    same((job.state, job.note, job.attempt), (State.PARKED, "no task new.task here", 0), "the job")
    same(bench.claim(), [], "the claim")


@law("G18")
def a_parked_attempt_is_on_record(bench: Bench) -> None:
    """The attempt that parked a job is told among the earlier ones, with the reason."""
    claim = bench.running()
    bench.end(claim, outcome.parked("no task shop.resize here"))
    told = [(a.state, a.attempt, a.note) for a in bench.engine.attempts(claim.id)]
    same(told, [(State.PARKED, 1, "no task shop.resize here")], "the attempts")


@law("G19")
def a_parked_job_returns_when_a_worker_knows_it(bench: Bench) -> None:
    """`unpark` puts the parked jobs of these tasks back in line, no others, and tells how many."""
    parked = [bench.running(task=task) for task in ("a.a", "b.b", "a.a")]
    for claim in parked:
        bench.end(claim, outcome.parked("unknown"))
    bench.push(task="a.a", queue="other")
    same((bench.engine.unpark(["c.c"]), bench.engine.unpark([])), (0, 0), "unparked for other tasks")
    same(bench.engine.unpark(["a.a", "c.c"]), 2, "unparked")
    claims = bench.claim(5, queues=["celery"])
    same([(c.id, c.attempt) for c in claims], [(parked[0].id, 1), (parked[2].id, 1)], "what is claimed")
    same(bench.state(parked[1].id), State.PARKED, "the other task's job")


@law("G20")
def an_old_job_does_not_starve_behind_a_retry(bench: Bench) -> None:
    """While one job is retried again and again, a job that waits is claimed among it."""
    bench.push(priority=5)
    patient = bench.push(priority=5)
    for _ in range(3):
        claims = bench.claim(2)
        if patient in {claim.id for claim in claims}:
            return
        bench.engine.settle([(claim, outcome.retrying(clock.now(), None)) for claim in claims])
    same(bench.state(patient), State.RUNNING, "the state of the one that waits")


@law("G20")
def what_came_back_is_not_overlooked(bench: Bench) -> None:
    """A job that was given back is claimed, though one of another queue or a more urgent one came first."""
    for changes, queues in (({"queue": "other"}, ["other"]), ({"priority": 0}, None)):
        back = bench.running(priority=9)
        bench.end(back, outcome.returned())
        first = bench.push(**changes)
        (claim,) = bench.claim(queues=queues)
        bench.clock.live(0.2)
        turn = bench.engine.exchange([(claim, outcome.succeeded(None))], "ada", None, 5)
        same((claim.id, [c.id for c in turn.claims]), (first, [back.id]), "what is claimed first, and then")
        bench.engine.settle([(c, outcome.succeeded(None)) for c in turn.claims])


@law("G3", needs=("clock",))
def what_came_back_is_there_for_every_claim(bench: Bench) -> None:
    """Of many jobs that came back, those that one claim leaves are there for the next, whenever it comes."""
    bench.push_many(12)
    *back, last = bench.claim(12)
    bench.engine.settle([(claim, outcome.returned()) for claim in back])
    same(len(bench.claim(5)), 5, "the jobs of the first claim")
    bench.clock.live(0.2)
    turn = bench.engine.exchange([(last, outcome.succeeded(None))], "ada", None, 5)
    same(len(turn.claims), 5, "the jobs of the second")
    same((bench.engine.wait(None, 0.0), len(bench.claim(5))), (True, 1), "what is there then")


@law("G3", needs=("clock",))
def what_came_back_elsewhere_is_there_too(bench: Bench) -> None:
    """The same of lines that the first claim did not come to: other priorities, and other queues."""
    wanted = [id for how in ({}, {"queue": "b"}, {"priority": 9}) for id in bench.push_many(3, **how)]
    claims = bench.claim(9, queues=["celery", "b"])
    bench.clock.live(0.2)
    last = bench.running()
    bench.engine.settle([(claim, outcome.returned()) for claim in claims])
    got = bench.claim_ids(2)
    bench.clock.live(0.2)
    turn = bench.engine.exchange([(last, outcome.succeeded(None))], "ada", None, 5)
    got += [claim.id for claim in turn.claims]
    bench.clock.live(0.2)
    same(sorted(got + bench.claim_ids(2, queues=["celery"])), sorted(wanted), "the jobs of three claims")


@law("G3", needs=("clock",))
def a_look_that_found_something_leads_to_it(bench: Bench) -> None:
    """What `wait` found is there for the exchange that follows, though it ends another job, too."""
    bench.push_many(12)
    *back, last = bench.claim(12)
    bench.clock.live(0.2)
    bench.engine.settle([(claim, outcome.returned()) for claim in back])
    bench.claim(5)
    bench.clock.live(2.0)
    same(bench.engine.wait(None, 0.0), True, "whether something is there")
    turn = bench.engine.exchange([(last, outcome.succeeded(None))], "ada", None, 5)
    same(len(turn.claims), 5, "the jobs of the exchange")
