"""What `delete` promises: a job that does not run is forgotten with all that belongs to it."""

from __future__ import annotations

from functools import partial

from cardoon.model import clock, outcome
from cardoon.model.errors import LeaseLost
from cardoon.model.job import Claim, Filter
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, refused, same
from cardoon.testing.conformance.law import law


def _is_unknown(bench: Bench, id: str) -> None:
    """Nothing is known of this job."""
    engine = bench.engine
    known = (engine.result(id), engine.attempts(id), engine.annotations(id, "log"), engine.cancel([id]))
    same(known, (None, [], [], {}), "what is known of it")
    holds(id not in {job.id for job in engine.find(Filter(), limit=1_000).jobs}, "it is not found")


def _with_a_past(bench: Bench) -> Claim:
    """A running job that was retried and has something attached."""
    id = bench.push()
    bench.end(bench.claim_one(id), outcome.retrying(0.0, None))
    claim = bench.claim_one(id)
    bench.engine.annotate(claim, "log", b"a line")
    bench.engine.annotate(claim, "progress", b"50 %")
    return claim


@law("I4")
def what_ended_is_forgotten_whole(bench: Bench) -> None:
    """An ended job is forgotten with its attempts and all that was attached to it."""
    claim = _with_a_past(bench)
    bench.end(claim, outcome.failed(None))
    same(bench.engine.delete([claim.id]), [claim.id], "the answer")
    _is_unknown(bench, claim.id)


@law("I4")
def what_waits_is_forgotten(bench: Bench) -> None:
    """Ready, delayed, retrying and parked jobs are forgotten and never start."""
    retrying, parked = bench.running(task="p"), bench.running(task="p")
    bench.end(retrying, outcome.retrying(clock.now() + 60, None))
    bench.end(parked, outcome.parked("unknown"))
    ids = [bench.push(), bench.push(due=clock.now() + 60, expires=clock.now() + 90), retrying.id, parked.id]
    same(bench.engine.delete(ids), ids, "the answer")
    bench.engine.unpark(["p"])
    bench.clock.jump(3_600)
    swept = bench.engine.sweep()
    same((swept.due, swept.expired, bench.claim(5)), (0, 0, []), "what becomes of them later")
    for id in ids:
        _is_unknown(bench, id)
    same(sum(sum(n.values()) for n in bench.engine.count().values()), 0, "how many are counted")


@law("G8")
def what_runs_is_not_forgotten(bench: Bench) -> None:
    """A running job is passed over and stays as it is, also one that is to be cancelled."""
    plain, marked = _with_a_past(bench), bench.running()
    bench.engine.cancel([marked.id], terminate=True)
    before = [bench.job(c.id) for c in (plain, marked)]
    same(bench.engine.delete([plain.id, marked.id]), [], "the answer")
    same([bench.job(c.id) for c in (plain, marked)], before, "the jobs")
    same(bench.engine.annotations(plain.id, "log"), [b"a line"], "what is attached")
    same(len(bench.engine.attempts(plain.id)), 1, "its attempts")
    same(bench.end(plain, outcome.succeeded(None)), True, "its end")


@law("I4")
def the_forgotten_are_named_in_order(bench: Bench) -> None:
    """The answer names the forgotten in the order they were asked for, each once; nothing is allowed."""
    running = bench.running()
    first, second = bench.push_many(2)
    asked = [second, running.id, "unknown", second, first]
    same(bench.engine.delete(asked), [second, first], "the answer")
    same((bench.engine.delete(asked), bench.engine.delete([])), ([], []), "the second answer, and to nothing")


@law("I4")
def the_others_stay(bench: Bench) -> None:
    """Deleting one job touches no other: neither its neighbours in line nor what was sent by it."""
    parent = bench.finished(outcome.succeeded(None, (bench.message(),)))
    (child,) = bench.claim(1)
    ids = bench.push_many(5)
    bench.engine.delete([parent.id, ids[2]])
    same(bench.engine.owns(child), True, "the follow-up")
    same(bench.claim_ids(), [*ids[:2], *ids[3:]], "what is claimed, in order")


@law("G2")
def its_id_is_free_again(bench: Bench) -> None:
    """The id of a forgotten job makes a new one, without a past."""
    claim = _with_a_past(bench)
    bench.end(claim, outcome.failed(None))
    bench.engine.delete([claim.id])
    same(bench.engine.push([bench.message(id=claim.id)]), [True], "pushing its id")
    again = bench.claim_one(claim.id)
    job = bench.job(claim.id)
    same((again.attempt, again.retries, job.progress, job.error), (1, 0, None, None), "the new one")
    past = (bench.engine.attempts(claim.id), bench.engine.annotations(claim.id, "log"))
    same(past, ([], []), "its past")


@law("G8")
def an_attempt_of_a_forgotten_job_owns_nothing(bench: Bench) -> None:
    """No attempt of a forgotten job ends, attaches or sends, also when its id was sent again and runs."""
    for same_id in (False, True):
        stale = bench.running(worker="ada")
        bench.end(stale, outcome.returned())
        bench.engine.delete([stale.id])
        current = bench.running(worker="bea", **({"id": stale.id} if same_id else {}))
        bench.clock.live(0.001)
        same(bench.engine.owns(stale), False, f"that it owns it, same id {same_id}")
        same(bench.engine.annotate(stale, "progress", b"late"), False, "its progress")
        same(bench.end(stale, outcome.retrying(0.0, None)), False, "its retry")
        same(bench.end(stale, outcome.succeeded(b"late")), False, "its end")
        refused(LeaseLost, partial(bench.engine.push, [bench.message()], by=stale), "what it sends")
        end = outcome.succeeded(b"good")
        same(bench.end(current, end), True, "the end of the current one")
        same((bench.end(stale, end), bench.end(current, end)), (False, True), "the same end from both")
        same(bench.job(current.id).result, b"good", "the result")


@law("I6")
def an_end_stays_counted(bench: Bench) -> None:
    """What was counted as ended stays counted; what waited is counted no more."""
    done, waiting = bench.finished(outcome.succeeded(None)).id, bench.push()
    bench.engine.delete([done, waiting])
    same((bench.count(State.SUCCEEDED), bench.count(State.READY)), (1, 0), "succeeded, and ready")


@law("I4")
def many_are_forgotten_at_once(bench: Bench) -> None:
    """A thousand jobs are forgotten in one call."""
    ids = bench.push_many(1_000)
    holds(bench.engine.delete(ids) == ids, "all are named")
    same((bench.claim(), bench.count(State.READY)), ([], 0), "what is left")


@law("I4", needs=("shared",))
def forgotten_is_forgotten_everywhere(bench: Bench) -> None:
    """Another engine object on the same place has forgotten it, too, and takes its id anew."""
    message = bench.message()
    bench.engine.push([message])
    other = bench.again()
    same(other.delete([message.id]), [message.id], "the answer")
    same((bench.engine.result(message.id), bench.claim()), (None, []), "what is known here")
    same([bench.engine.push([message]), other.push([message])], [[True], [False]], "pushing it again")
