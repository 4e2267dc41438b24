"""What `held` promises: the claims of a worker, whoever asks for them."""

from __future__ import annotations

from cardoon.model import clock, outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same
from cardoon.testing.conformance.law import law


@law("G3")
def a_worker_holds_what_it_claimed(bench: Bench) -> None:
    """`held` tells the claims of a worker as they were given, by the age of the jobs."""
    bench.push_many(3, args=[1, "zwei"], headers={"x": "y"}, link=[bench.message()])
    claims = bench.claim(2) + bench.claim(1)
    same(bench.engine.held("ada"), claims, "what ada holds")


@law("G3")
def a_lost_claim_is_taken_up(bench: Bench) -> None:
    """A job whose claim was lost on its way can be run and ended by the claim that `held` tells."""
    id = bench.push()
    bench.engine.claim("ada", None, 1)
    (claim,) = bench.engine.held("ada")
    same((claim.id, bench.engine.owns(claim)), (id, True), "the claim, and that it owns the job")
    same(bench.engine.annotate(claim, "progress", b"50 %"), True, "its progress")
    same(bench.end(claim, outcome.succeeded(b"1")), True, "its end")
    same((bench.state(id), bench.engine.held("ada")), (State.SUCCEEDED, []), "the state, what ada holds then")


@law("G3")
def the_history_of_a_job_is_in_its_claim(bench: Bench) -> None:
    """Attempts, retries, crashes and suspicion are told as the claim told them."""
    id = bench.push()
    bench.end(bench.claim_one(id), outcome.retrying(0.0, None))
    bench.claim_one(id)
    bench.engine.retire("ada")
    claim = bench.claim_one(id, worker="bea")
    same((claim.attempt, claim.retries, claim.crashes, claim.suspect), (3, 1, 1, True), "the claim")
    same(bench.engine.held("bea"), [claim], "what bea holds")


@law("G3")
def a_worker_holds_its_own_alone(bench: Bench) -> None:
    """Neither the jobs of another worker, nor those that wait or have ended, are held."""
    bench.running(worker="bea")
    for end in (
        outcome.succeeded(None),
        outcome.returned(),
        outcome.parked("?"),
        outcome.retrying(clock.now() + 60, None),
    ):
        bench.end(bench.running(priority=0), end)
        bench.engine.purge(["celery"])
    bench.push()
    same((bench.engine.held("ada"), bench.engine.held("unknown")), ([], []), "what is held")


@law("G7")
def a_retired_worker_holds_nothing(bench: Bench) -> None:
    """After its retirement, crashed or not, a worker holds nothing; who claims its jobs then does."""
    for crashed in (True, False):
        claim = bench.running(worker=f"crashed {crashed}")
        bench.engine.retire(claim.worker, crashed=crashed)
        same(bench.engine.held(claim.worker), [], f"what is held, crashed {crashed}")
        again = bench.claim_one(claim.id, worker="bea")
        same(bench.engine.held("bea"), [again], "what bea holds")
        bench.end(again, outcome.succeeded(None))


@law("G3")
def looking_at_what_is_held_changes_nothing(bench: Bench) -> None:
    """`held` meets no worker, ends nothing and moves no job."""
    claim = bench.running()
    before = bench.job(claim.id)
    for worker in ("ada", "stranger"):
        bench.engine.held(worker)
    same(bench.job(claim.id), before, "the job")
    same([r.worker for r in bench.engine.workers()], ["ada"], "the workers")


@law("G3", needs=("shared",))
def others_see_what_is_held(bench: Bench) -> None:
    """Another engine object on the same place tells the same claims, and can settle them."""
    claim, other = bench.running(), bench.again()
    same(other.held("ada"), [claim], "what ada holds")
    same(other.settle([(claim, outcome.succeeded(b"1"))]), [], "those refused")
    same(bench.engine.held("ada"), [], "what ada holds then")
