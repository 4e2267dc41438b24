"""What pausing, counting and purging queues promise."""

from __future__ import annotations

from cardoon.model import clock, outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law


@law("G20")
def a_paused_queue_rests(bench: Bench) -> None:
    """No job of a paused queue is claimed, old or new; those of other queues are."""
    bench.push(queue="a")
    bench.engine.pause("a")
    bench.push(queue="a")
    b = bench.push(queue="b")
    same(bench.claim_ids(), [b], "what is claimed")
    same(bench.claim_ids(queues=["a"]), [], "what is claimed from the paused queue")


@law("G20")
def a_resumed_queue_goes_on(bench: Bench) -> None:
    """After `resume` the jobs are claimed in their old order; pausing and resuming twice is once."""
    ids = bench.push_many(3, queue="a")
    for verb in (bench.engine.pause, bench.engine.pause, bench.engine.resume, bench.engine.resume):
        verb("a")
    same(bench.claim_ids(), ids, "what is claimed")


@law("G20")
def running_jobs_do_not_feel_a_pause(bench: Bench) -> None:
    """A job that runs when its queue is paused ends as ever; given back, it waits for the resume."""
    first, second = bench.running(queue="a"), bench.running(queue="a")
    bench.engine.pause("a")
    same(bench.end(first, outcome.succeeded(None)), True, "its end")
    bench.end(second, outcome.returned())
    same(bench.claim_ids(), [], "what is claimed")
    bench.engine.resume("a")
    bench.claim_one(second.id)


@law("G20")
def a_queue_is_paused_before_its_first_job(bench: Bench) -> None:
    """A queue that nobody sent to yet can be paused."""
    bench.engine.pause("later")
    id = bench.push(queue="later")
    same(bench.claim_ids(), [], "what is claimed")
    bench.engine.resume("later")
    bench.claim_one(id)


@law("G20", needs=("shared",))
def a_pause_is_everywhere(bench: Bench) -> None:
    """A pause holds for every engine object on the same place."""
    bench.push()
    bench.engine.pause("celery")
    same(bench.again().claim("bea", None, 5), [], "what another object claims")


@law("I6")
def counts_tell_each_state(bench: Bench) -> None:
    """`count` tells for each queue how many jobs are in each state."""
    bench.end(bench.running(queue="a"), outcome.succeeded(None))
    bench.end(bench.running(queue="a"), outcome.failed(None))
    bench.running(queue="a")
    bench.push_many(2, queue="a")
    bench.push(queue="a", due=clock.now() + 60)
    bench.push(queue="b")
    wanted = {State.SUCCEEDED: 1, State.FAILED: 1, State.RUNNING: 1, State.READY: 2, State.DELAYED: 1}
    counts = bench.engine.count()
    same({state: n for state, n in counts["a"].items() if n}, wanted, "queue a")
    same({state: n for state, n in counts["b"].items() if n}, {State.READY: 1}, "queue b")


@law("I6")
def counts_are_asked_by_queue(bench: Bench) -> None:
    """`count` of some queues tells of these alone; one that is not known has no jobs."""
    bench.push(queue="a")
    bench.push(queue="b")
    counts = bench.engine.count(["a", "unknown"])
    same((counts.get("a"), "b" in counts), ({State.READY: 1}, False), "queue a, and whether b is told")
    holds(not any(counts.get("unknown", {}).values()), "the unknown queue has no jobs")


@law("I6")
def counts_do_not_tire(bench: Bench) -> None:
    """After hundreds of jobs with every kind of end the counts are the sums of what was done."""
    ids = bench.push_many(300)
    ends = (outcome.succeeded(None), outcome.failed(None), outcome.skipped("no"), outcome.retrying(0.0, None))
    for start in range(0, 300, 60):
        claims = bench.claim(60)
        bench.engine.settle([(claim, ends[(start + n) % 4]) for n, claim in enumerate(claims)])
    bench.engine.cancel(ids)
    states = [bench.state(id) for id in ids]
    for state in (State.SUCCEEDED, State.FAILED, State.SKIPPED, State.CANCELLED, State.RETRYING, State.READY):
        same(bench.count(state), states.count(state), f"the count of {state}")


@law("I6")
def every_queue_is_told(bench: Bench) -> None:
    """`queues` tells every queue that was sent to, by name, and which are paused."""
    for queue in ("b", "a", "c"):
        bench.push(queue=queue)
    bench.end(bench.claim(queues=["c"])[0], outcome.succeeded(None))
    bench.engine.pause("b")
    told = [(info.name, info.paused) for info in bench.engine.queues()]
    same(told, [("a", False), ("b", True), ("c", False)], "the queues")


@law("I6")
def a_queue_tells_its_oldest_job(bench: Bench) -> None:
    """A queue tells since when its oldest ready job waits, and None when none is ready."""
    before = clock.now()
    bench.push_many(2)
    bench.push(queue="delayed", due=clock.now() + 60)
    told = {info.name: info.oldest for info in bench.engine.queues()}
    oldest = given(told["celery"], "the oldest of celery")
    holds(before - 1 <= oldest <= clock.now() + 1, f"it waits since now, not since {oldest}")
    same(told["delayed"], None, "the oldest of a queue without ready jobs")


@law("G14")
def purge_cancels_what_waits(bench: Bench) -> None:
    """`purge` cancels everything that waits in these queues, in whatever state, and tells how many."""
    retried, parked = bench.running(queue="a"), bench.running(queue="a")
    bench.end(retried, outcome.retrying(clock.now() + 60, None))
    bench.end(parked, outcome.parked("unknown task"))
    ids = [bench.push(queue="a"), bench.push(queue="a", due=clock.now() + 60), retried.id, parked.id]
    same(bench.engine.purge(["a"]), 4, "how many")
    same([bench.state(id) for id in ids], [State.CANCELLED] * 4, "the states")
    same((bench.claim_ids(), bench.engine.purge(["a"])), ([], 0), "what is left")


@law("G14")
def what_was_purged_says_so(bench: Bench) -> None:
    """Each purged job keeps the note "purged", delayed ones too; a job cancelled by its id has none."""
    ids = [bench.push(queue="a"), bench.push(queue="a", due=clock.now() + 60)]
    cancelled = bench.push(queue="a")
    bench.engine.cancel([cancelled])
    same(bench.engine.purge(["a"]), 2, "how many")
    same([bench.job(id).note for id in (*ids, cancelled)], ["purged", "purged", ""], "the notes")
    bench.clock.jump(3_600)
    bench.engine.sweep()
    same(bench.claim(5), [], "what is claimed when the delayed ones would be due")
    same(bench.count(State.CANCELLED, "a"), 3, "how many are counted as cancelled")


@law("G14")
def fifteen_are_purged(bench: Bench) -> None:
    """Of 10 ready, 5 delayed and 2 running jobs 15 are purged, and the running ones end as ever."""
    bench.push_many(2)
    running = bench.claim(2)
    bench.push_many(10)
    bench.push_many(5, due=clock.now() + 60)
    same(bench.engine.purge(["celery", "unknown"]), 15, "how many")
    same(bench.engine.settle([(claim, outcome.succeeded(None)) for claim in running]), [], "those refused")
    counts = {state: n for state, n in bench.engine.count()["celery"].items() if n}
    same(counts, {State.CANCELLED: 15, State.SUCCEEDED: 2}, "the counts")


@law("G14")
def purge_leaves_the_rest(bench: Bench) -> None:
    """`purge` touches neither running jobs, nor ended ones, nor other queues."""
    running, done = bench.running(queue="a"), bench.finished(outcome.succeeded(b"1"), queue="a")
    other = bench.push(queue="b")
    same(bench.engine.purge(["a"]), 0, "how many")
    same(bench.end(running, outcome.succeeded(b"2")), True, "the end of the running one")
    same((bench.job(done.id).result, bench.state(other)), (b"1", State.READY), "the others")
