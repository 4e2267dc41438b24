"""What `settle` promises to who repeats it because the answer was lost: the same end twice is once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cardoon.model import clock, outcome
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import FINAL, State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same
from cardoon.testing.conformance.law import law

ERROR = ErrorReport(type="ValueError", message="nö", args=["no", 1], traceback="Traceback")


def _final_ends() -> list[Outcome]:
    return [
        outcome.succeeded(b"1"),
        outcome.succeeded(None),
        outcome.failed(ERROR),
        outcome.failed(None),
        outcome.skipped("already running", b"text"),
        outcome.result_lost("too large"),
        Outcome(state=State.CANCELLED, note="ended while it ran"),
        msgspec.structs.replace(outcome.succeeded(b"2"), started=clock.now()),
    ]


def _waiting_ends() -> list[Outcome]:
    later = clock.now() + 60
    return [
        outcome.retrying(later, ERROR),
        outcome.retrying(later, None),
        outcome.returned(),
        outcome.parked("?"),
    ]


def _is_once(bench: Bench, end: Outcome) -> None:
    """Write this end of a new job twice; the second time is accepted and changes nothing."""
    claim = bench.running(queue=f"of {end.state}")
    same(bench.end(claim, end), True, f"the first {end.state}")
    before = bench.job(claim.id), bench.engine.attempts(claim.id), bench.engine.count()
    bench.clock.live(1)
    same(bench.end(claim, end), True, f"the same {end.state} again")
    after = bench.job(claim.id), bench.engine.attempts(claim.id), bench.engine.count()
    same(after, before, f"the job, its attempts and the counts after {end.state}")
    bench.engine.cancel([claim.id])


@law("G8")
def a_final_end_repeated_is_once(bench: Bench) -> None:
    """A final end that is repeated, whatever it says, changes nothing and is not refused."""
    for end in _final_ends():
        _is_once(bench, end)


@law("G8")
def a_waiting_end_repeated_is_once(bench: Bench) -> None:
    """A retry, a return and a parking that is repeated changes nothing and is not refused."""
    for end in _waiting_ends():
        _is_once(bench, end)


@law("G8")
def what_follows_a_repeated_end_comes_once(bench: Bench) -> None:
    """An end repeated with what follows it makes each follow-up once, even after that has ended."""
    claim, follow = bench.running(), bench.message()
    end = outcome.succeeded(b"1", (follow,))
    same([bench.end(claim, end), bench.end(claim, end)], [True, True], "the ends")
    bench.end(bench.claim_one(follow.id), outcome.succeeded(None))
    same(bench.end(claim, end), True, "the end once more")
    same((bench.claim(), bench.state(follow.id)), ([], State.SUCCEEDED), "what is claimed, and the follow-up")


@law("G8")
def a_batch_repeated_is_once(bench: Bench) -> None:
    """A whole batch of ends is repeated: none is refused, nothing is counted twice."""
    ends = [(bench.running(), end) for end in (*_final_ends(), *_waiting_ends())]
    same(bench.engine.settle(ends), [], "the first answer")
    jobs, counts = [bench.job(claim.id) for claim, _ in ends], bench.engine.count()
    same(bench.engine.settle(ends), [], "the second answer")
    same(([bench.job(c.id) for c, _ in ends], bench.engine.count()), (jobs, counts), "the jobs, the counts")


@law("G8")
def a_batch_of_new_and_repeated_ends_is_written(bench: Bench) -> None:
    """Among repeated ends the new ones are written and the stale ones are refused."""
    done, new, stale = bench.running(), bench.running(), bench.running(worker="bea")
    end = outcome.succeeded(b"1")
    bench.end(done, end)
    bench.engine.retire("bea")
    refused = bench.engine.settle([(done, end), (stale, end), (new, end)])
    same([claim.id for claim in refused], [stale.id], "those refused")
    same((bench.state(new.id), bench.count(State.SUCCEEDED)), (State.SUCCEEDED, 2), "the new one, the count")


@law("G8")
def the_very_same_end_twice_in_a_batch_is_once(bench: Bench) -> None:
    """One end that stands twice in a batch is written once and not refused."""
    claim, follow = bench.running(), bench.message()
    end = outcome.failed(ERROR, (follow,))
    same(bench.engine.settle([(claim, end), (claim, end)]), [], "those refused")
    same((bench.count(State.FAILED), len(bench.claim(5))), (1, 1), "the count, and the follow-ups")


@law("G8")
def an_exchange_repeated_settles_once(bench: Bench) -> None:
    """An exchange whose answer was lost is repeated: its ends stand, and what it claimed is `held`."""
    first, second, third = bench.push_many(3)
    ends = [(bench.claim_one(first), outcome.succeeded(b"1"))]
    lost = bench.engine.exchange(ends, "ada", None, 1)
    again = bench.engine.exchange(ends, "ada", None, 1)
    same(again.refused, [], "the ends that are refused")
    same([c.id for c in (*lost.claims, *again.claims)], [second, third], "what both claimed")
    same(bench.engine.held("ada"), [*lost.claims, *again.claims], "what ada holds")


@law("G8")
def another_end_is_no_repetition(bench: Bench) -> None:
    """A second end that says anything else than the first is refused and changes nothing."""
    for end in (*_final_ends(), *_waiting_ends()):
        claim = bench.running(queue=f"of {end.state}")
        bench.end(claim, end)
        before = bench.job(claim.id)
        for other in (outcome.succeeded(b"other"), outcome.failed(None, ()), outcome.skipped("other")):
            if other != end:
                same(bench.end(claim, other), False, f"{other.state} after {end.state}")
        if end.state in FINAL:
            same([bench.end(claim, other) for other in _waiting_ends()], [False] * 4, f"after {end.state}")
        same(bench.job(claim.id), before, "the job")
        bench.engine.cancel([claim.id])


@law("G8")
def another_way_to_wait_is_no_repetition(bench: Bench) -> None:
    """A retry after a return, or the other way round, is refused and changes nothing."""
    kinds = (outcome.retrying(clock.now() + 60, None), outcome.returned(), outcome.parked("?"))
    for first in kinds:
        claim = bench.running(queue=f"of {first.state}")
        bench.end(claim, first)
        before = bench.job(claim.id)
        accepted = [bench.end(claim, second) for second in kinds]
        same(accepted, [kind is first for kind in kinds], f"the ends accepted after {first.state}")
        same(bench.job(claim.id), before, "the job")
        bench.engine.cancel([claim.id])


@law("G8")
def a_retry_that_was_cancelled_is_repeated(bench: Bench) -> None:
    """A job that became cancelled instead of waiting again: the repeated end is not refused either."""
    for end in _waiting_ends():
        claim = bench.running()
        bench.engine.cancel([claim.id])
        same([bench.end(claim, end), bench.end(claim, end)], [True, True], f"{end.state}, twice")
        same(bench.state(claim.id), State.CANCELLED, "its state")
    same(bench.count(State.CANCELLED), len(_waiting_ends()), "how many are counted")


def _ways_on(bench: Bench) -> dict[str, Callable[[str], object]]:
    """What may become of a job that waits again, by name."""

    def expires(_id: str) -> None:
        bench.clock.jump(7_200)
        bench.engine.sweep()

    return {
        "claimed": lambda _id: bench.claim(worker="eve"),
        "cancelled": lambda id: bench.engine.cancel([id]),
        "purged": lambda _id: bench.engine.purge(["celery"]),
        "deleted": lambda id: bench.engine.delete([id]),
        "expired": expires,
    }


@law("G8")
def an_end_whose_job_moved_on_is_refused(bench: Bench) -> None:
    """Once a job that waited again was claimed, cancelled, purged, deleted or has expired, it is too late."""
    for name, way in _ways_on(bench).items():
        claim = bench.running(expires=clock.now() + 3_600)
        bench.end(claim, outcome.returned())
        way(claim.id)
        before = bench.engine.result(claim.id)
        same(bench.end(claim, outcome.returned()), False, f"the end again, when it was {name}")
        same(bench.engine.result(claim.id), before, f"the job that was {name}")


@law("G8")
def an_end_that_was_replayed_is_refused(bench: Bench) -> None:
    """Once a job was replayed the end of its earlier attempt is refused."""
    claim, end = bench.running(), outcome.failed(ERROR)
    bench.end(claim, end)
    bench.engine.replay([claim.id])
    same((bench.end(claim, end), bench.state(claim.id)), (False, State.READY), "the end again, the state")


@law("G8")
def a_worker_that_was_retired_never_ended(bench: Bench) -> None:
    """An end that comes after its worker was retired is refused, also the same end for the second time."""
    for crashed in (True, False):
        claim = bench.running(worker=f"crashed {crashed}")
        bench.engine.cancel([claim.id])
        bench.engine.retire(claim.worker, crashed=crashed)
        for end in (outcome.returned(), Outcome(state=State.CANCELLED), outcome.retrying(0.0, None)):
            same([bench.end(claim, end), bench.end(claim, end)], [False, False], f"{end.state} too late")
