"""What `cancel(terminate=True)` promises: the worker that runs a job hears that it is to end it."""

from __future__ import annotations

from cardoon.engines.contract import Heard
from cardoon.model import clock, outcome
from cardoon.model.job import Report
from cardoon.model.outcome import Outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same
from cardoon.testing.conformance.law import law


def _told(bench: Bench, *workers: str) -> dict[str, list[str]]:
    """What these workers hear with one beat of the jobs that they are to end."""
    return bench.engine.beat([Report(worker=worker, beats=1) for worker in workers]).terminate


@law("G14")
def its_worker_hears_what_to_end(bench: Bench) -> None:
    """A running job that is to be ended is told to its worker with each beat, until it has ended."""
    claim = bench.running(worker="ada")
    same(_told(bench, "ada"), {}, "what ada hears before")
    same(bench.engine.cancel([claim.id], terminate=True), {claim.id: State.RUNNING}, "the answer")
    same([_told(bench, "ada"), _told(bench, "ada")], [{"ada": [claim.id]}] * 2, "what ada hears")
    same(bench.end(claim, Outcome(state=State.CANCELLED, note="ended")), True, "its end")
    same(_told(bench, "ada"), {}, "what ada hears after it")
    same((bench.state(claim.id), bench.count(State.CANCELLED)), (State.CANCELLED, 1), "state and count")


@law("G14")
def a_plain_cancel_ends_nothing(bench: Bench) -> None:
    """A running job that is cancelled without `terminate` is told to nobody."""
    claim = bench.running(worker="ada")
    bench.engine.cancel([claim.id])
    same(_told(bench, "ada"), {}, "what ada hears")


@law("G14")
def a_plain_cancel_takes_nothing_back(bench: Bench) -> None:
    """Whether it was cancelled before or after without `terminate`, it is to be ended."""
    first, second = bench.running(worker="ada"), bench.running(worker="ada")
    for id, orders in ((first.id, (False, True)), (second.id, (True, False))):
        for terminate in orders:
            bench.engine.cancel([id], terminate=terminate)
    same(_told(bench, "ada"), {"ada": [first.id, second.id]}, "what ada hears")


@law("G14")
def what_waits_is_cancelled_at_once(bench: Bench) -> None:
    """With `terminate` waiting jobs are cancelled as ever, ended and unknown ones are left as they are."""
    delayed, ready = bench.push(due=clock.now() + 60), bench.push()
    done = bench.finished(outcome.succeeded(b"1"), priority=0).id
    wanted = {delayed: State.CANCELLED, ready: State.CANCELLED, done: State.SUCCEEDED}
    same(bench.engine.cancel([delayed, ready, done, "unknown"], terminate=True), wanted, "the answer")
    same(_told(bench, "ada"), {}, "what ada hears")


@law("G14")
def only_its_worker_hears(bench: Bench) -> None:
    """Each worker hears of its own jobs alone, and only those that beat are told of at all."""
    ids = {worker: bench.running(worker=worker).id for worker in ("ada", "bea", "eve")}
    bench.engine.cancel([ids["ada"], ids["bea"]], terminate=True)
    same(_told(bench, "ada", "eve"), {"ada": [ids["ada"]]}, "what ada and eve hear")
    same(_told(bench, "eve"), {}, "what eve hears")
    same(_told(bench, "ada", "bea"), {w: [ids[w]] for w in ("ada", "bea")}, "what ada and bea hear")
    same(_told(bench), {}, "what nobody hears")


@law("G14")
def no_end_is_told_of_again(bench: Bench) -> None:
    """However a job that is to be ended leaves its worker, nobody is told of it any more."""
    ends = (outcome.succeeded(b"1"), outcome.failed(None), outcome.retrying(0.0, None), outcome.returned())
    for end in ends:
        claim = bench.running(worker="ada")
        bench.engine.cancel([claim.id], terminate=True)
        bench.end(claim, end)
    for crashed in (True, False):
        claim = bench.running(worker=f"crashed {crashed}")
        bench.engine.cancel([claim.id], terminate=True)
        bench.engine.retire(claim.worker, crashed=crashed)
        same(bench.state(claim.id), State.CANCELLED, "the state after the retirement")
    same(_told(bench, "ada", "bea"), {}, "what workers hear")
    same(bench.claim(10, worker="bea"), [], "what is claimed")


@law("G14")
def a_marked_end_may_be_late(bench: Bench) -> None:
    """A job that succeeds before its worker could end it has succeeded."""
    claim = bench.running()
    bench.engine.cancel([claim.id], terminate=True)
    bench.end(claim, outcome.succeeded(b"1"))
    same((bench.state(claim.id), bench.job(claim.id).result), (State.SUCCEEDED, b"1"), "state and result")


@law("G14")
def a_replayed_job_is_not_to_be_ended(bench: Bench) -> None:
    """Once such a job is replayed its next attempt is told to nobody and may be retried."""
    claim = bench.running()
    bench.engine.cancel([claim.id], terminate=True)
    bench.end(claim, Outcome(state=State.CANCELLED))
    bench.engine.replay([claim.id])
    again = bench.claim_one(claim.id, worker="bea")
    same(_told(bench, "ada", "bea"), {}, "what workers hear")
    bench.end(again, outcome.retrying(clock.now() + 60, None))
    same(bench.state(claim.id), State.RETRYING, "its state")


@law("G14", needs=("shared",))
def whoever_asks_is_heard(bench: Bench) -> None:
    """It may be asked, and heard, through any engine object on the same place."""
    claim, other = bench.running(worker="ada"), bench.again()
    other.cancel([claim.id], terminate=True)
    same(_told(bench, "ada"), {"ada": [claim.id]}, "what ada hears here")
    same(other.beat([Report(worker="ada")]), Heard(terminate={"ada": [claim.id]}), "what ada hears there")
