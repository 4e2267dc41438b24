"""What `beat` and `retire` promise: a worker that is gone holds nothing."""

from __future__ import annotations

from cardoon.engines.contract import Heard
from cardoon.model import outcome
from cardoon.model.job import Report
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, same
from cardoon.testing.conformance.law import law


@law("G7")
def jobs_of_a_retired_worker_wait_again(bench: Bench) -> None:
    """What a retired worker ran is ready at once, and the answer names it."""
    bench.beat("ada")
    ids = bench.push_many(3)
    bench.claim(5, worker="ada")
    retired = bench.engine.retire("ada")
    same((sorted(retired.returned), retired.quarantined), (sorted(ids), []), "the answer")
    same([bench.state(id) for id in ids], [State.READY] * 3, "the states")
    same(bench.job(ids[0]).worker, None, "whose it is")


@law("G8")
def a_zombie_writes_nothing(bench: Bench) -> None:
    """The attempts of a retired worker end nothing and push nothing, before and after others claim."""
    zombie, follow = bench.running(worker="ada"), bench.message()
    bench.engine.retire("ada")
    end = outcome.succeeded(b"late", (follow,))
    same(bench.end(zombie, end), False, "an end while the job waits")
    same((bench.state(zombie.id), bench.engine.result(follow.id)), (State.READY, None), "what came of it")
    current = bench.claim_one(zombie.id, worker="bea")
    same(bench.end(zombie, end), False, "an end while the job runs elsewhere")
    same(bench.end(current, outcome.succeeded(b"good")), True, "the end of the current attempt")
    same((bench.end(zombie, end), bench.job(zombie.id).result), (False, b"good"), "an end after the end")


@law("G7")
def other_workers_go_on(bench: Bench) -> None:
    """Retiring one worker touches no job of another."""
    mine, other = bench.running(worker="ada"), bench.running(worker="bea")
    same(bench.engine.retire("ada").returned, [mine.id], "the answer")
    same((bench.engine.owns(other), bench.end(other, outcome.succeeded(None))), (True, True), "the other")


@law("G3")
def a_crash_counts_as_an_attempt(bench: Bench) -> None:
    """After a crash the job's next attempt has the next number; its retries are not counted."""
    id = bench.push()
    bench.claim_one(id, worker="ada")
    bench.engine.retire("ada")
    again = bench.claim_one(id, worker="bea")
    same((again.attempt, again.retries), (2, 0), "attempt and retries")


@law("G18")
def a_crash_leaves_its_attempt_on_record(bench: Bench) -> None:
    """The attempt that ended with its worker is told among the earlier ones, with its worker."""
    claim = bench.running(worker="ada")
    bench.engine.retire("ada")
    told = [(a.attempt, a.worker) for a in bench.engine.attempts(claim.id)]
    same(told, [(1, "ada")], "the attempts")


@law("G15")
def an_orderly_end_is_free_of_charge(bench: Bench) -> None:
    """`crashed=False` gives the jobs back uncharged, at their place, and nobody is a suspect."""
    ids = bench.push_many(3)
    bench.claim(2, worker="ada")
    retired = bench.engine.retire("ada", crashed=False)
    same((sorted(retired.returned), retired.quarantined), (sorted(ids[:2]), []), "the answer")
    claims = bench.claim(5, worker="bea", alone=False)
    same([c.id for c in claims], ids, "the order")
    same([(c.attempt, c.crashes, c.suspect) for c in claims], [(1, 0, False)] * 3, "the claims")
    same(bench.engine.attempts(ids[0]), [], "the attempts on record")


@law("G8")
def an_orderly_end_fences_too(bench: Bench) -> None:
    """After `crashed=False` the attempts of the worker write nothing either."""
    claim = bench.running(worker="ada")
    bench.engine.retire("ada", crashed=False)
    same(
        (bench.engine.owns(claim), bench.end(claim, outcome.succeeded(None))),
        (False, False),
        "it owns, it ends",
    )


@law("G7")
def a_second_retirement_does_nothing(bench: Bench) -> None:
    """Retiring a worker again changes nothing, whoever runs its jobs now."""
    claim = bench.running(worker="ada")
    bench.engine.retire("ada")
    current = bench.claim_one(claim.id, worker="bea")
    again = bench.engine.retire("ada")
    same((again.returned, again.quarantined), ([], []), "the answer")
    same((current.crashes, bench.engine.owns(current)), (1, True), "the job")


@law("G7")
def an_unknown_worker_can_be_retired(bench: Bench) -> None:
    """Retiring a worker that nobody heard of answers that nothing was done."""
    bench.running(worker="bea")
    retired = bench.engine.retire("nobody")
    same((retired.returned, retired.quarantined), ([], []), "the answer")


@law("G7")
def a_worker_that_never_beat_is_retired_too(bench: Bench) -> None:
    """A worker that claimed before its first beat loses its jobs like any other."""
    claim = bench.running(worker="ada")
    same(bench.engine.retire("ada").returned, [claim.id], "the answer")


@law("G7")
def workers_tell_what_they_last_said(bench: Bench) -> None:
    """`workers` tells the last report of each worker that is not retired."""
    bench.beat("ada", 1)
    bench.beat("bea", 1, host="h'1", queues=["a", "b"], slots=4)
    bench.beat("ada", 2, name="one")
    told = {r.worker: r for r in bench.engine.workers()}
    same(sorted(told), ["ada", "bea"], "the workers")
    same((told["ada"].beats, told["ada"].name), (2, "one"), "ada")
    same((told["bea"].host, told["bea"].queues, told["bea"].slots), ("h'1", ["a", "b"], 4), "bea")
    bench.engine.retire("ada")
    same([r.worker for r in bench.engine.workers()], ["bea"], "the workers, later")


@law("G7")
def a_retired_worker_hears_it_with_its_next_beat(bench: Bench) -> None:
    """`beat` names the retired among those that beat, and does not revive them."""
    same(bench.beat("ada"), set(), "the answer to the first beat")
    bench.engine.retire("ada")
    same(bench.beat("ada", 2), {"ada"}, "the answer after it was retired")
    same((bench.beat("ada", 3), bench.engine.workers()), ({"ada"}, []), "later, and the workers")


@law("G7")
def many_beat_in_one_call(bench: Bench) -> None:
    """One call beats for many workers; the retired among them do not hinder the others."""
    reports = [Report(worker=worker, beats=1) for worker in ("ada", "bea", "eve")]
    bench.engine.beat(reports)
    bench.engine.retire("bea")
    same(bench.engine.beat(reports).retired, {"bea"}, "the answer")
    same(sorted(r.worker for r in bench.engine.workers()), ["ada", "eve"], "the workers")
    same(bench.engine.beat([]), Heard(), "the answer to no beat")


@law("G7")
def a_large_worker_is_retired_whole(bench: Bench) -> None:
    """A worker with a thousand jobs loses all of them in one step."""
    ids = bench.push_many(1_000)
    bench.claim(1_000, worker="ada")
    holds(sorted(bench.engine.retire("ada").returned) == sorted(ids), "all are returned")
    same(bench.count(State.READY), 1_000, "how many are ready")
