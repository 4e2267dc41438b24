"""What `claim` and `exchange` promise."""

from __future__ import annotations

from cardoon.model import clock, outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, same, until
from cardoon.testing.conformance.law import law

SOON = 0.05
"""Seconds."""


@law("G3")
def a_job_goes_to_one_claimant(bench: Bench) -> None:
    """A job that is claimed is claimed by nobody else."""
    id = bench.push()
    bench.claim_one(id, worker="ada")
    same((bench.claim(5, worker="bea"), bench.claim(5, worker="ada")), ([], []), "further claims")


@law("G3")
def a_claim_does_not_remove(bench: Bench) -> None:
    """A claimed job is running, in the hands of its worker, and still there."""
    id = bench.push()
    before = clock.now()
    claim = bench.claim_one(id, worker="ada")
    job = bench.job(id)
    same((job.state, job.worker, job.attempt, job.token), (State.RUNNING, "ada", 1, claim.token), "the job")
    holds(job.started is not None and before - 1 <= job.started <= clock.now() + 1, "it started now")
    holds(before - 1 <= claim.claimed <= clock.now() + 1, "it was claimed now")


@law("G3")
def a_first_claim_is_plain(bench: Bench) -> None:
    """A first claim is attempt 1 of a job without retries, crashes or suspicion."""
    claim = bench.running(worker="ada")
    told = (claim.worker, claim.attempt, claim.retries, claim.crashes, claim.suspect)
    same(told, ("ada", 1, 0, 0, False), "the claim")


@law("I2")
def the_token_only_grows(bench: Bench) -> None:
    """Each claim of a job has a greater token than the one before, however the attempt ended."""
    id, tokens = bench.push(), []
    for end in (outcome.returned(), outcome.retrying(0.0, None), outcome.returned()):
        claim = bench.claim_one(id)
        tokens.append(claim.token)
        bench.end(claim, end)
    tokens.append(bench.claim_one(id).token)
    bench.engine.retire("ada")
    tokens.append(bench.claim_one(id, worker="bea").token)
    holds(tokens == sorted(set(tokens)), f"the tokens grow: {tokens}")


@law("G13")
def first_come_first_served(bench: Bench) -> None:
    """Jobs of one priority are claimed in the order in which they were pushed."""
    ids = [*bench.push_many(5), bench.push(), *bench.push_many(4)]
    same(bench.claim_ids(3) + bench.claim_ids(), ids, "the order")


@law("G13")
def priority_comes_before_age(bench: Bench) -> None:
    """Priority 0 is claimed first, 9 last, whatever was pushed first."""
    wanted = [bench.push(priority=p) for p in (9, 5, 0, 7, 1, 8, 2, 6, 3, 4)]
    got = [claim.message.priority for claim in bench.claim(4) + bench.claim(10)]
    same((got, len(wanted)), (list(range(10)), 10), "the priorities in the order of claims")


@law("G13")
def priority_holds_across_queues(bench: Bench) -> None:
    """Among several queues the most urgent job comes first, then the oldest."""
    a, b, c = bench.push(queue="a"), bench.push(queue="b", priority=1), bench.push(queue="b")
    same(bench.claim_ids(queues=["a", "b"]), [b, a, c], "the order")


@law("G13")
def a_queue_comes_with_its_jobs_only(bench: Bench) -> None:
    """A worker gets jobs of the queues it names, of all when it names None, of none when it names none."""
    a, b = bench.push(queue="a"), bench.push(queue="b")
    same(bench.claim_ids(queues=[]), [], "no queue")
    same(bench.claim_ids(queues=["c"]), [], "another queue")
    same(bench.claim_ids(queues=["b", "b"]), [b], "one queue, named twice")
    same(bench.claim_ids(queues=None), [a], "all queues")


@law("G17")
def a_limit_is_a_limit(bench: Bench) -> None:
    """No more than `limit` jobs are claimed; 0 claims nothing."""
    ids = bench.push_many(5)
    same(bench.claim_ids(0), [], "limit 0")
    same(bench.claim_ids(2), ids[:2], "limit 2")
    same(bench.claim_ids(50), ids[2:], "a limit above what there is")


@law("G3")
def nothing_starts_before_its_time(bench: Bench) -> None:
    """A delayed job is not claimed before its `due`."""
    id = bench.push(due=clock.now() + 3600)
    same((bench.claim(), bench.state(id)), ([], State.DELAYED), "the claim, and its state")


@law("G3")
def what_is_due_is_claimed_without_a_sweep(bench: Bench) -> None:
    """A job that falls due is claimed though nobody sweeps."""
    id = bench.push(due=clock.now() + SOON)
    claims = until(bench.claim, "it is claimed")
    same(
        (claims[0].id, clock.now() >= (claims[0].message.due or 0)),
        (id, True),
        "the claim, not before its due",
    )


@law("G13")
def what_was_delayed_keeps_its_priority(bench: Bench) -> None:
    """A job that fell due stands in line by its priority."""
    late = bench.push(due=clock.now() + SOON, priority=0)
    plain = bench.push(priority=5)
    until(lambda: bench.engine.sweep().due or bench.state(late) is State.READY, "it fell due")
    same(bench.claim_ids(), [late, plain], "the order")


@law("G14")
def what_expired_never_starts(bench: Bench) -> None:
    """A job is not claimed once its `expires` has passed; it ends as expired."""
    id = bench.push(expires=clock.now() - 1)
    same(bench.claim(), [], "the claim")
    job = bench.job(id)
    same((job.state, job.finished is not None), (State.EXPIRED, True), "state, and that it has an end")


@law("G14", needs=("clock",))
def what_expires_while_it_waits_never_starts(bench: Bench) -> None:
    """A ready or delayed job whose `expires` passes while it waits ends as expired at the next claim."""
    later = clock.now() + 60
    ids = [bench.push(expires=later), bench.push(due=later, expires=later)]
    bench.clock.jump(61)
    same(bench.claim(5), [], "the claim")
    same([bench.state(id) for id in ids], [State.EXPIRED] * 2, "the states")


@law("G14", needs=("clock",))
def expiry_does_not_end_a_running_job(bench: Bench) -> None:
    """A job that started before its `expires` may end after it."""
    claim = bench.running(expires=clock.now() + 60)
    bench.clock.jump(61)
    bench.engine.sweep()
    same(bench.end(claim, outcome.succeeded(None)), True, "its end")
    same(bench.state(claim.id), State.SUCCEEDED, "its state")


@law("G3")
def exchange_settles_and_claims(bench: Bench) -> None:
    """`exchange` settles, then claims, in one step; what followed the ended job can be claimed in it."""
    claim, follow = bench.running(), bench.message()
    turn = bench.engine.exchange([(claim, outcome.succeeded(b"1", (follow,)))], "ada", None, 5)
    same(
        ([c.id for c in turn.refused], [c.id for c in turn.claims]), ([], [follow.id]), "refused and claimed"
    )
    same(bench.state(claim.id), State.SUCCEEDED, "the state of the settled one")


@law("G8")
def exchange_claims_though_ends_are_refused(bench: Bench) -> None:
    """A refused end does not keep the worker from its next jobs."""
    claim, next_one = bench.running(), bench.push()
    bench.end(claim, outcome.succeeded(b"first"))
    turn = bench.engine.exchange([(claim, outcome.failed(None))], "ada", None, 5)
    same(([c.id for c in turn.refused], [c.id for c in turn.claims]), ([claim.id], [next_one]), "the turn")
    same(bench.job(claim.id).result, b"first", "the result")


@law("I5")
def a_retired_worker_gets_nothing(bench: Bench) -> None:
    """A worker that was retired claims nothing, as nobody would look after its jobs."""
    bench.beat("ada")
    bench.engine.retire("ada")
    id = bench.push()
    same(bench.claim(5, worker="ada"), [], "its claim")
    bench.claim_one(id, worker="bea")
