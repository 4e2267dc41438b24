"""What attempts may attach to their jobs."""

from __future__ import annotations

import msgspec

from cardoon.model import outcome
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same
from cardoon.testing.conformance.law import law


@law("G18")
def the_last_progress_counts(bench: Bench) -> None:
    """Of progress the last one is told, also after the job has ended."""
    claim = bench.running()
    same(bench.job(claim.id).progress, None, "progress before the first")
    for data in (b"10", b"20", b"30"):
        same(bench.engine.annotate(claim, "progress", data), True, "the answer")
    same(bench.job(claim.id).progress, b"30", "progress")
    bench.end(claim, outcome.succeeded(b"1"))
    job = bench.job(claim.id)
    same((job.progress, job.result), (b"30", b"1"), "progress and result after the end")


@law("G18")
def log_lines_are_kept_in_order(bench: Bench) -> None:
    """Log lines are kept, oldest first, through retries and after the end."""
    claim = bench.running()
    for data in (b"one", b"two"):
        bench.engine.annotate(claim, "log", data)
    bench.end(claim, outcome.retrying(0.0, None))
    again = bench.claim_one(claim.id)
    bench.engine.annotate(again, "log", b"three")
    bench.end(again, outcome.succeeded(None))
    same(bench.engine.annotations(claim.id, "log"), [b"one", b"two", b"three"], "the lines")


@law("G18")
def what_an_attempt_logged_is_attached_with_its_end(bench: Bench) -> None:
    """The log lines of an end are kept with it, after those attached before, of retries and ends alike."""
    claim, other = bench.running(), bench.running()
    bench.engine.annotate(claim, "log", b"one")
    bench.end(claim, msgspec.structs.replace(outcome.retrying(0.0, None), log=(b"two",)))
    again = bench.claim_one(claim.id)
    ends = [outcome.succeeded(None), outcome.succeeded(None)]
    logged = [msgspec.structs.replace(end, log=(data,)) for end, data in zip(ends, (b"3", b"4"), strict=True)]
    bench.engine.settle([(again, logged[0]), (other, logged[1])])
    same(bench.engine.annotations(claim.id, "log"), [b"one", b"two", b"3"], "the lines")
    same(bench.engine.annotations(other.id, "log"), [b"4"], "the line of the other job")


@law("G8")
def a_refused_end_attaches_nothing(bench: Bench) -> None:
    """What a lost attempt logged is refused with its end."""
    stale = bench.running(worker="ada")
    bench.engine.retire("ada")
    late = msgspec.structs.replace(outcome.succeeded(None), log=(b"late",))
    same([claim.id for claim in bench.engine.settle([(stale, late)])], [stale.id], "refused")
    same(bench.engine.annotations(stale.id, "log"), [], "the lines")


@law("G18")
def kinds_and_jobs_are_apart(bench: Bench) -> None:
    """What is attached under one kind, or to one job, is not told of another."""
    first, second = bench.running(), bench.running()
    bench.engine.annotate(first, "log", b"line")
    bench.engine.annotate(first, "file", b"path")
    same(bench.engine.annotations(first.id, "log"), [b"line"], "the log")
    same(bench.engine.annotations(first.id, "file"), [b"path"], "the files")
    same(bench.engine.annotations(second.id, "log"), [], "the log of the other job")
    same(bench.engine.annotations("unknown", "log"), [], "the log of an unknown job")


@law("G8")
def an_ended_attempt_attaches_nothing(bench: Bench) -> None:
    """After its end an attempt attaches nothing more and hears so."""
    claim = bench.running()
    bench.end(claim, outcome.succeeded(None))
    same(
        [bench.engine.annotate(claim, kind, b"late") for kind in ("progress", "log")],
        [False, False],
        "answers",
    )
    same(
        (bench.job(claim.id).progress, bench.engine.annotations(claim.id, "log")), (None, []), "what is told"
    )


@law("G8")
def a_lost_attempt_attaches_nothing(bench: Bench) -> None:
    """An attempt that lost its job attaches nothing, even while the same job runs elsewhere."""
    stale = bench.running(worker="ada")
    bench.engine.retire("ada")
    same(bench.engine.annotate(stale, "log", b"1"), False, "the answer while it waits")
    current = bench.claim_one(stale.id, worker="bea")
    same(bench.engine.annotate(stale, "progress", b"2"), False, "the answer while it runs elsewhere")
    same(bench.engine.annotate(current, "progress", b"3"), True, "the answer to the current attempt")
    same(
        (bench.job(stale.id).progress, bench.engine.annotations(stale.id, "log")), (b"3", []), "what is told"
    )


@law("G8")
def an_attempt_knows_whether_it_owns_its_job(bench: Bench) -> None:
    """`owns` is true for the current attempt alone."""
    stale = bench.running(worker="ada")
    same(bench.engine.owns(stale), True, "while it runs")
    bench.engine.retire("ada")
    same(bench.engine.owns(stale), False, "after its worker was retired")
    current = bench.claim_one(stale.id, worker="bea")
    same((bench.engine.owns(stale), bench.engine.owns(current)), (False, True), "while it runs elsewhere")
    bench.end(current, outcome.succeeded(None))
    same(bench.engine.owns(current), False, "after the end")
