"""What `replay` promises: what has ended waits again under its id, as new, and its past is kept."""

from __future__ import annotations

import time

from cardoon.engines.contract import SOLO_CRASHES_TO_QUARANTINE
from cardoon.model import clock, outcome
from cardoon.model.errors import LeaseLost
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import FINAL, State
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import given, holds, refused, same
from cardoon.testing.conformance.law import law

ERROR = ErrorReport(module="shop", type="Declined", message="no", args=[1], traceback="Traceback")


def _ended(bench: Bench, state: State) -> str:
    """A job that came to this final state in its usual way."""
    if state is State.CANCELLED:
        id = bench.push()
        bench.engine.cancel([id])
    elif state is State.EXPIRED:
        id = bench.push(expires=clock.now() - 1)
        bench.engine.sweep()
    elif state is State.QUARANTINED:
        id = bench.push()
        for n in range(SOLO_CRASHES_TO_QUARANTINE):
            bench.claim_one(id, worker=f"doomed {n}")
            bench.engine.retire(f"doomed {n}")
    else:
        id = bench.finished(Outcome(state=state, note="why", error=ERROR, result=b"1")).id
    same(bench.state(id), state, "the state before")
    return id


def _failed(bench: Bench, **changes: object) -> str:
    return bench.finished(outcome.failed(ERROR), **changes).id


@law("I4")
def whatever_ended_can_be_replayed(bench: Bench) -> None:
    """From each final state a replayed job is ready at once, as if it had never been retried or suspected."""
    for n, state in enumerate(sorted(FINAL)):
        id = _ended(bench, state)
        attempts = bench.job(id).attempt
        same(bench.engine.replay([id]), [id], f"the answer for a {state} job")
        same(bench.state(id), State.READY, f"the state after {state}")
        claim = bench.claim_one(id, worker=f"heir {n}", alone=False)
        told = (claim.retries, claim.crashes, claim.suspect, claim.attempt)
        same(told, (0, 0, False, attempts + 1), f"the claim after {state}")
        same(bench.end(claim, outcome.succeeded(b"again")), True, "its end")
        same(bench.job(id).result, b"again", "its result")


@law("I4")
def a_parked_job_can_be_replayed(bench: Bench) -> None:
    """A parked job waits again when it is replayed, with its parking still on record."""
    claim = bench.running()
    bench.end(claim, outcome.parked("no such task"))
    same(bench.engine.replay([claim.id]), [claim.id], "the answer")
    told = [(a.state, a.note) for a in bench.engine.attempts(claim.id)]
    same(told, [(State.PARKED, "no such task")], "the attempts")
    same((bench.job(claim.id).note, bench.claim_ids()), ("", [claim.id]), "its note, what is claimed")


@law("I4")
def what_has_not_ended_is_passed_over(bench: Bench) -> None:
    """Ready, delayed, retrying, running and unknown jobs stay as they are and are not in the answer."""
    retrying, running = bench.running(), bench.running()
    bench.end(retrying, outcome.retrying(clock.now() + 60, ERROR))
    ids = [bench.push(), bench.push(due=clock.now() + 60), retrying.id, running.id]
    before = [bench.job(id) for id in ids]
    same(bench.engine.replay([*ids, "unknown"]), [], "the answer")
    same(bench.engine.replay([]), [], "the answer to nothing")
    same([bench.job(id) for id in ids], before, "the jobs")
    same(bench.engine.owns(running), True, "that the running one is owned")


@law("I4")
def the_replayed_are_named_in_order(bench: Bench) -> None:
    """The answer names the replayed in the order they were asked for, each once."""
    first, second, third = (_failed(bench) for _ in range(3))
    waiting = bench.push(queue="other")
    asked = [third, waiting, first, third, "unknown", second]
    same(bench.engine.replay(asked), [third, first, second], "the answer")
    same(bench.claim_ids(queues=["celery"]), [first, second, third], "what is claimed, by age")


@law("G18")
def the_old_end_is_kept(bench: Bench) -> None:
    """The end before the replay is told among the attempts: state, number, worker, error and result."""
    id = _failed(bench)
    bench.engine.replay([id])
    bench.end(bench.claim_one(id, worker="bea"), outcome.succeeded(b"2"))
    bench.engine.replay([id])
    bench.end(bench.claim_one(id), outcome.skipped("no", b"3"))
    told = [(a.state, a.attempt, a.worker, a.error, a.result) for a in bench.engine.attempts(id)]
    wanted = [(State.FAILED, 1, "ada", ERROR, None), (State.SUCCEEDED, 2, "bea", None, b"2")]
    same(told, wanted, "the attempts")
    holds(all(a.finished and a.started for a in bench.engine.attempts(id)), "each has its moments")
    same((bench.state(id), bench.job(id).result), (State.SKIPPED, b"3"), "the job")


@law("G18")
def the_whole_past_is_kept(bench: Bench) -> None:
    """Retries and crashes before a replayed end stay among the attempts, oldest first."""
    id = bench.push()
    bench.end(bench.claim_one(id), outcome.retrying(0.0, ERROR))
    bench.claim_one(id, worker="bea")
    bench.engine.retire("bea")
    bench.end(bench.claim_one(id), outcome.failed(None))
    bench.engine.replay([id])
    told = [(a.state, a.attempt) for a in bench.engine.attempts(id)]
    same(told, [(State.RETRYING, 1), (State.READY, 2), (State.FAILED, 3)], "the attempts")


@law("G18")
def a_cancelled_retry_is_kept_as_cancelled(bench: Bench) -> None:
    """The end of a job that was cancelled instead of retried is kept as what it was."""
    claim = bench.running()
    bench.engine.cancel([claim.id])
    bench.end(claim, outcome.retrying(0.0, ERROR))
    bench.engine.replay([claim.id])
    same(
        [(a.state, a.error) for a in bench.engine.attempts(claim.id)], [(State.CANCELLED, ERROR)], "attempts"
    )


@law("G18")
def what_it_had_is_gone(bench: Bench) -> None:
    """A replayed job has no result, error, note, progress, end or worker; what was attached to it stays."""
    claim = bench.running()
    bench.engine.annotate(claim, "progress", b"99 %")
    bench.engine.annotate(claim, "log", b"a line")
    bench.end(claim, Outcome(state=State.SKIPPED, note="why", error=ERROR, result=b"1"))
    bench.engine.replay([claim.id])
    job = bench.job(claim.id)
    told = (job.result, job.error, job.note, job.progress, job.finished, job.worker, job.started)
    same(told, (None, None, "", None, None, None, None), "what it has")
    same(bench.engine.annotations(claim.id, "log"), [b"a line"], "its log lines")
    same(bench.engine.annotations(claim.id, "progress"), [], "its progress")


@law("G8")
def earlier_attempts_are_fenced(bench: Bench) -> None:
    """No attempt from before a replay owns the job: it ends, attaches and sends nothing."""
    claim = bench.running()
    bench.end(claim, outcome.failed(ERROR))
    bench.engine.replay([claim.id])
    for moment in ("while it waits", "while it runs"):
        same(bench.engine.owns(claim), False, f"that it owns the job {moment}")
        same(bench.end(claim, outcome.succeeded(b"late")), False, f"its end {moment}")
        same(bench.engine.annotate(claim, "log", b"late"), False, f"its log line {moment}")
        refused(LeaseLost, lambda: bench.engine.push([bench.message()], by=claim), f"what it sends {moment}")
        again = bench.claim_one(claim.id, worker="bea") if moment == "while it waits" else None
        holds(again is None or again.token > claim.token, "the fence grows")
    same(bench.count(State.RUNNING), 1, "how many run")


@law("I4")
def a_replayed_job_expires_no_more(bench: Bench) -> None:
    """A job that had a moment to expire at has none when it is replayed, in its record and its message."""
    expired, done = _ended(bench, State.EXPIRED), _failed(bench, expires=clock.now() + 60)
    same(sorted(bench.engine.replay([expired, done])), sorted([expired, done]), "the answer")
    bench.clock.jump(3_600)
    bench.engine.sweep()
    claims = bench.claim(5)
    same(sorted(c.id for c in claims), sorted([expired, done]), "what is claimed")
    same([c.message.expires for c in claims], [None, None], "what the messages say")
    same([bench.job(c.id).expires for c in claims], [None, None], "what the records say")


@law("I4")
def a_replayed_job_is_due_now(bench: Bench) -> None:
    """A delayed job that was cancelled does not wait for its moment when it is replayed."""
    id = bench.push(due=clock.now() + 3_600)
    bench.engine.cancel([id])
    bench.engine.replay([id])
    claim = bench.claim_one(id)
    same(claim.message.due, None, "what the message says")
    holds(given(bench.job(id).due, "since when it is due") <= clock.now(), "it is due since the replay")


@law("I12")
def its_message_stays(bench: Bench) -> None:
    """But for its moments the message of a replayed job is as it was sent, or as a retry changed it."""
    id = bench.push(args=[1, "zwei"], kwargs={"k": None}, headers={"h": 1}, priority=3, queue="a")
    first = bench.claim_one(id)
    changed = outcome.retrying(0.0, None, bench.message(id=id, args=["other"], queue="b", priority=7))
    bench.end(first, changed)
    second = bench.claim_one(id)
    bench.end(second, outcome.failed(None))
    bench.engine.replay([id])
    again = bench.claim(queues=["b"])
    same([c.message for c in again], [second.message], "the message")
    same((bench.job(id).queue, bench.job(id).priority), ("b", 7), "queue and priority")


@law("I4")
def a_mark_is_gone(bench: Bench) -> None:
    """A job that was marked to be cancelled may wait again after its replay like any other."""
    claim = bench.running()
    bench.engine.cancel([claim.id])
    bench.end(claim, outcome.returned())
    bench.engine.replay([claim.id])
    again = bench.claim_one(claim.id)
    bench.end(again, outcome.retrying(clock.now() + 60, None))
    same(bench.state(claim.id), State.RETRYING, "its state")


@law("G11")
def a_replayed_poison_has_all_its_lives(bench: Bench) -> None:
    """A quarantined job that is replayed is quarantined again only after as many deaths."""
    id = _ended(bench, State.QUARANTINED)
    bench.engine.replay([id])
    for n in range(SOLO_CRASHES_TO_QUARANTINE):
        same(bench.state(id), State.READY, f"its state before death {n + 1}")
        bench.claim_one(id, worker=f"again {n}")
        bench.engine.retire(f"again {n}")
    same((bench.state(id), bench.count(State.QUARANTINED)), (State.QUARANTINED, 2), "state and count")


@law("I6")
def an_end_stays_counted(bench: Bench) -> None:
    """An end was an end: it stays counted when its job waits again, and the next one is counted, too."""
    id = _failed(bench)
    bench.engine.replay([id])
    same((bench.count(State.FAILED), bench.count(State.READY)), (1, 1), "failed and ready")
    bench.end(bench.claim_one(id), outcome.failed(ERROR))
    same((bench.count(State.FAILED), bench.count(State.READY)), (2, 0), "failed and ready, later")


@law("G2")
def a_replayed_job_is_replayed_once(bench: Bench) -> None:
    """While it waits, runs or is parked anew, a second replay passes it over or is one of its own."""
    id = _failed(bench)
    same([bench.engine.replay([id]), bench.engine.replay([id])], [[id], []], "the answers while it waits")
    claim = bench.claim_one(id)
    same(bench.engine.replay([id]), [], "the answer while it runs")
    bench.end(claim, outcome.failed(None))
    same(bench.engine.replay([id]), [id], "the answer when it has ended again")
    same(len(bench.engine.attempts(id)), 2, "how many earlier ends it has")
    same(bench.engine.push([claim.message]), [False], "pushing its id")


@law("G7")
def a_replay_wakes(bench: Bench) -> None:
    """A worker that waits is woken by a replay."""
    id = _failed(bench)
    start = time.monotonic()
    waiter = bench.meanwhile(lambda: bench.engine.wait(None, 20.0))
    bench.engine.replay([id])
    same(answer_of(waiter), True, "the answer")
    holds(time.monotonic() - start < 10.0, "it did not sleep through it")


@law("G18")
def a_replayed_job_is_waited_for(bench: Bench) -> None:
    """Whoever waits for its result gets none until it ends again, and then the new one."""
    id = _failed(bench)
    bench.engine.replay([id])
    same(bench.engine.wait_results([id], 0.0), {}, "what is there at once")
    claim = bench.claim_one(id)
    waiter = bench.meanwhile(lambda: bench.engine.wait_results([id], 20.0))
    bench.end(claim, outcome.succeeded(b"2"))
    same(answer_of(waiter)[id].result, b"2", "the result")


@law("G20")
def a_replayed_job_stands_in_line(bench: Bench) -> None:
    """It waits in its queue by priority and age, and in a paused one for the resume."""
    old, urgent = _failed(bench), _failed(bench, priority=0)
    waiting = bench.push()
    bench.engine.pause("celery")
    bench.engine.replay([old, urgent])
    same(bench.claim_ids(), [], "what is claimed while the queue is paused")
    bench.engine.resume("celery")
    same(bench.claim_ids(), [urgent, old, waiting], "the order")


@law("I6")
def a_queue_tells_since_when_a_replayed_job_waits(bench: Bench) -> None:
    """The oldest job of a queue waits since its replay, not since it was first sent."""
    id = _failed(bench)
    bench.clock.live(600)
    bench.engine.replay([id])
    (info,) = bench.engine.queues()
    holds(clock.now() - given(info.oldest, "the oldest job") < 60, "it waits since the replay")


@law("G1", needs=("clock",))
def a_replayed_job_is_not_forgotten(bench: Bench) -> None:
    """However old, a job that was replayed stays until it has ended again."""
    id = _failed(bench)
    bench.clock.live(10 * 366 * 86_400.0)
    bench.engine.replay([id])
    for _ in range(3):
        same(bench.engine.sweep().forgotten, 0, "how many are forgotten")
        bench.clock.live(30)
    bench.claim_one(id)


@law("I4")
def many_are_replayed_at_once(bench: Bench) -> None:
    """A thousand jobs are replayed in one call."""
    ids = bench.push_many(1_000)
    bench.engine.cancel(ids)
    holds(bench.engine.replay(ids) == ids, "all are named")
    same(
        (bench.count(State.READY), bench.count(State.CANCELLED)), (1_000, 1_000), "ready, and cancelled ever"
    )
