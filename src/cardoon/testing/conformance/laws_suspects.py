"""Poison is contained: which job is suspected, how the innocent are cleared, who is quarantined."""

from __future__ import annotations

from cardoon.engines.contract import SOLO_CRASHES_TO_QUARANTINE
from cardoon.model import outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law


def _crash(bench: Bench, id: str, worker: str) -> None:
    """Run a job alone in a worker that dies under it."""
    bench.claim_one(id, worker=worker)
    bench.engine.retire(worker)


def _suspects(bench: Bench, count: int) -> list[str]:
    """New jobs that were in one process when it died."""
    ids = bench.push_many(count)
    bench.claim(count, worker="the dead")
    bench.engine.retire("the dead")
    return ids


@law("G11")
def a_death_makes_suspects(bench: Bench) -> None:
    """All jobs of a process that died are suspects; none of several has a crash counted."""
    ids = _suspects(bench, 2)
    for id in ids:
        claim = bench.claim_one(id)
        same((claim.suspect, claim.crashes), (True, 0), "suspect and crashes")
        bench.end(claim, outcome.succeeded(None))


@law("G11")
def a_solo_death_is_counted(bench: Bench) -> None:
    """The job that ran alone when its process died is a suspect with one crash."""
    id = bench.push()
    _crash(bench, id, "w1")
    claim = bench.claim_one(id)
    same((claim.suspect, claim.crashes), (True, 1), "suspect and crashes")


@law("G11")
def a_suspect_is_claimed_by_itself(bench: Bench) -> None:
    """A suspect is the only job of its claim, the oldest one first."""
    ids = _suspects(bench, 2)
    same(bench.claim_ids(10), ids[:1], "the first claim")
    same(bench.claim_ids(10, worker="bea"), ids[1:], "the second")


@law("G11")
def who_is_not_alone_can_tell_that_suspects_wait(bench: Bench) -> None:
    """`has_suspects` is true while a suspect of these queues waits, not when it runs or its queue rests."""
    same(bench.engine.has_suspects(None), False, "the answer without any job")
    (suspect,) = _suspects(bench, 1)
    queue = bench.job(suspect).queue
    bench.push(queue="elsewhere")
    for queues, answer in ((None, True), ([queue, "elsewhere"], True), (["elsewhere"], False)):
        same(bench.engine.has_suspects(queues), answer, f"the answer for {queues}")
    bench.engine.pause(queue)
    same(bench.engine.has_suspects(None), False, "the answer while its queue is paused")
    bench.engine.resume(queue)
    bench.claim_one(suspect)
    same(bench.engine.has_suspects(None), False, "the answer while it runs")


@law("G11")
def a_suspect_waits_for_no_other(bench: Bench) -> None:
    """A suspect had its turn once: it starts before all that wait, whatever their priority and queue."""
    (suspect,) = _suspects(bench, 1)
    urgent = bench.push_many(2, priority=0)
    elsewhere = bench.push(queue="elsewhere", priority=0)
    same(bench.claim_ids(10), [suspect], "the first claim")
    same(sorted(bench.claim_ids(10)), sorted([*urgent, elsewhere]), "the second")


@law("G20")
def what_is_older_than_a_suspect_is_not_overlooked(bench: Bench) -> None:
    """A job that waits in the line of a younger suspect, which came first, is claimed right after it."""
    old, young = bench.running(worker="ada"), bench.running(worker="the dead")
    bench.engine.retire("the dead")
    bench.end(old, outcome.returned())
    claim = bench.claim_one(young.id, worker="bea")
    bench.clock.live(0.2)
    turn = bench.engine.exchange([(claim, outcome.succeeded(None))], "bea", None, 5)
    same([c.id for c in turn.claims], [old.id], "what is claimed after the suspect")


@law("G11")
def a_busy_worker_passes_over_suspects(bench: Bench) -> None:
    """A worker that is not alone gets the unsuspected jobs and never a suspect."""
    (suspect,) = _suspects(bench, 1)
    plain = bench.push_many(2)
    same(bench.claim_ids(10, alone=False), plain, "its claim")
    same(bench.claim_ids(10, alone=False), [], "its next claim")
    same(bench.state(suspect), State.READY, "the state of the suspect")


@law("G11")
def a_busy_worker_does_not_stay_awake_for_suspects(bench: Bench) -> None:
    """While only suspects wait, `wait` says False to a worker that is not alone, and True to one that is."""
    _suspects(bench, 2)
    same(bench.engine.wait(None, 0.05, alone=False), False, "the answer to a busy one")
    same(bench.engine.wait(None, 0.05), True, "the answer to an idle one")
    bench.push()
    same(bench.engine.wait(None, 0.05, alone=False), True, "the answer when another job waits behind them")


@law("G11")
def suspects_starve_nobody(bench: Bench) -> None:
    """However many suspects stand first in line, a busy worker gets the job behind them."""
    _suspects(bench, 30)
    plain = bench.push()
    same(bench.claim_ids(1, alone=False), [plain], "its claim")


@law("G11")
def a_poison_job_is_quarantined(bench: Bench) -> None:
    """After three deaths of processes in which it ran alone a job is quarantined, with the evidence."""
    id = bench.push()
    for n in range(1, SOLO_CRASHES_TO_QUARANTINE + 1):
        same(bench.state(id), State.READY, f"its state before death {n}")
        bench.claim_one(id, worker=f"w{n}")
        retired = bench.engine.retire(f"w{n}")
        last = n == SOLO_CRASHES_TO_QUARANTINE
        same((retired.returned, retired.quarantined), ([], [id]) if last else ([id], []), f"after death {n}")
    job = bench.job(id)
    error = given(job.error, "its error")
    same((job.state, job.crashes), (State.QUARANTINED, SOLO_CRASHES_TO_QUARANTINE), "state and crashes")
    same((error.module, error.type), ("cardoon.model.errors", "WorkerLostError"), "the error")
    holds(job.note and job.finished, "it has a note and an end")
    same((bench.claim(), bench.count(State.QUARANTINED)), ([], 1), "what is claimed, and the count")


@law("G11")
def an_innocent_neighbour_is_never_quarantined(bench: Bench) -> None:
    """A job that shared its process with others at every death has no crash and is not quarantined."""
    poison, innocent = bench.push_many(2)
    for n in range(5):
        worker = f"w{n}"
        first = bench.claim(2, worker=worker)
        second = bench.claim(2, worker=worker)  # as a worker that breaks the rule would
        same(len(first) + len(second), 2, "the jobs that the worker runs")
        bench.engine.retire(worker)
    same([bench.job(id).crashes for id in (poison, innocent)], [0, 0], "the crashes")
    same([bench.state(id) for id in (poison, innocent)], [State.READY] * 2, "the states")


@law("G11")
def a_retry_clears_a_suspect(bench: Bench) -> None:
    """An attempt that ends in an orderly retry clears the job: no suspicion, no crashes."""
    id = bench.push()
    for n in range(SOLO_CRASHES_TO_QUARANTINE - 1):
        _crash(bench, id, f"w{n}")
    bench.end(bench.claim_one(id), outcome.retrying(0.0, None))
    again = bench.claim_one(id, alone=False)
    same((again.suspect, again.crashes, again.retries), (False, 0, 1), "the claim")


@law("G11")
def giving_back_clears_nobody(bench: Bench) -> None:
    """A suspect that is given back unstarted is a suspect still, with its crashes."""
    id = bench.push()
    _crash(bench, id, "w1")
    bench.end(bench.claim_one(id), outcome.returned())
    claim = bench.claim_one(id, worker="w2")
    same((claim.suspect, claim.crashes), (True, 1), "the claim")
    bench.engine.retire("w2", crashed=False)
    same((bench.claim(alone=False), bench.job(id).crashes), ([], 1), "after an orderly end of its worker")


@law("G11")
def a_suspect_that_succeeds_is_done(bench: Bench) -> None:
    """A suspect that succeeds alone ends like any job."""
    id = bench.push()
    _crash(bench, id, "w1")
    bench.end(bench.claim_one(id), outcome.succeeded(b"1"))
    same((bench.state(id), bench.job(id).error), (State.SUCCEEDED, None), "state and error")


@law("G11")
def jobs_that_ended_before_the_death_are_no_suspects(bench: Bench) -> None:
    """Only what ran at the moment of death is suspected; with one job left it ran alone."""
    done, left = bench.push_many(2)
    first, _second = bench.claim(2, worker="ada")
    bench.end(first, outcome.succeeded(b"1"))
    bench.engine.retire("ada")
    same((bench.state(done), bench.job(left).crashes), (State.SUCCEEDED, 1), "the done one, the crashes")
