"""What a death leaves behind: its evidence on record, and what follows a failure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cardoon.engines.contract import (
    EVIDENCE_BYTES,
    SILENCE_OBSERVATIONS,
    SILENCE_SECONDS,
    SOLO_CRASHES_TO_QUARANTINE,
)
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law

EVIDENCE = "signal 11 (SIGSEGV)\npeak memory 212 MiB\nlast lines:\n  résumé of «größe» 😀"


def _poison(bench: Bench, id: str, retire: Callable[[str], object]) -> None:
    """Let the job run alone in worker after worker, each of which dies under it."""
    for n in range(SOLO_CRASHES_TO_QUARANTINE):
        bench.claim_one(id, worker=f"w{n}")
        retire(f"w{n}")
    same(bench.state(id), State.QUARANTINED, "the state of the poison")


@law("G11")
def evidence_stays_with_the_attempt(bench: Bench) -> None:
    """What is known of a worker's death is kept with the attempt of each job that ran."""
    ids = bench.push_many(3)
    bench.claim(3)
    bench.engine.retire("ada", evidence=EVIDENCE)
    for id in ids:
        (attempt,) = bench.engine.attempts(id)
        error = given(attempt.error, "the error of the attempt")
        same((error.type, error.traceback), ("WorkerLostError", EVIDENCE), "its error")
        same((attempt.worker, bench.job(id).error), ("ada", None), "its worker, and the error of the job")


@law("G11")
def evidence_stays_with_the_poison(bench: Bench) -> None:
    """A quarantined job tells the evidence of its last death in its error, and each one in its attempts."""
    id = bench.push()
    _poison(bench, id, lambda worker: bench.engine.retire(worker, evidence=f"{EVIDENCE} of {worker}"))
    error = given(bench.job(id).error, "the error of the job")
    same((error.type, error.traceback), ("WorkerLostError", f"{EVIDENCE} of w2"), "its error")
    told = [given(a.error, "an error").traceback for a in bench.engine.attempts(id)]
    same(told, [f"{EVIDENCE} of w{n}" for n in range(SOLO_CRASHES_TO_QUARANTINE)], "those of its attempts")


@law("G18")
def evidence_is_cut(bench: Bench) -> None:
    """Of long evidence the first bytes are kept, cut between letters; no text is too odd to be kept."""
    for n, (odd, count) in enumerate((("x", 20_000), ("😀", 5_000), ("\ud800", 9_000), ("\x00", 3))):
        claim = bench.running(worker=f"w{n}")
        bench.engine.retire(claim.worker, evidence="exit 1\n" + odd * count)
        kept = given(bench.engine.attempts(claim.id)[0].error, "its error").traceback
        size = len(kept.encode())
        holds(kept.startswith("exit 1\n"), "the beginning is kept")
        holds(size <= EVIDENCE_BYTES, f"at most {EVIDENCE_BYTES} bytes are kept, not {size}")
        holds(count < 10 or size > EVIDENCE_BYTES - 8, f"no more than that is cut: {size} bytes are left")
        bench.engine.cancel([claim.id])


@law("G11")
def a_death_without_evidence_is_told(bench: Bench) -> None:
    """Without evidence the attempt tells all the same that its worker died."""
    claim = bench.running()
    bench.engine.retire("ada")
    (attempt,) = bench.engine.attempts(claim.id)
    error = given(attempt.error, "its error")
    same((error.type, error.traceback), ("WorkerLostError", ""), "its error")
    holds("died" in attempt.note, f"its note says so, not {attempt.note!r}")


@law("G15")
def an_orderly_end_leaves_no_evidence(bench: Bench) -> None:
    """Of a worker that did not crash nothing is written, whatever is said of its end."""
    claim = bench.running()
    bench.engine.retire("ada", crashed=False, evidence=EVIDENCE)
    same((bench.engine.attempts(claim.id), bench.job(claim.id).error), ([], None), "attempts and error")


@law("G11")
def a_cancelled_death_keeps_its_evidence(bench: Bench) -> None:
    """A job that was to be cancelled when its worker died tells of the death among its attempts."""
    claim = bench.running()
    bench.engine.cancel([claim.id], terminate=True)
    bench.engine.retire("ada", evidence=EVIDENCE)
    (attempt,) = bench.engine.attempts(claim.id)
    same(given(attempt.error, "its error").traceback, EVIDENCE, "the evidence")
    same(bench.state(claim.id), State.CANCELLED, "the state of the job")


@law("G11")
def quarantine_has_what_follows_a_failure(bench: Bench) -> None:
    """The step that quarantines a job pushes what was to follow its failure, as its failing would have."""
    first, plain = bench.message(task="mail.admins", args=["lost"]), bench.message(task="count.deaths")
    plain = msgspec.structs.replace(plain, headers={"immutable": True}, args=[7])
    id = bench.push(link=[bench.message(task="never")], link_error=[first, plain])
    _poison(bench, id, bench.engine.retire)
    claims = bench.claim(10)
    told = [(c.message.task, c.message.args, c.message.parent) for c in claims]
    same(told, [("mail.admins", [id, "lost"], id), ("count.deaths", [7], id)], "what follows")


@law("G11")
def what_follows_comes_only_with_quarantine(bench: Bench) -> None:
    """Deaths after which the job waits again, is cancelled or was retired already push nothing."""
    id = bench.push(link_error=[bench.message(task="mail.admins")])
    for n in range(SOLO_CRASHES_TO_QUARANTINE - 1):
        bench.claim_one(id, worker=f"w{n}")
        bench.engine.retire(f"w{n}")
        bench.engine.retire(f"w{n}")
        same(bench.count(State.READY), 1, f"how many are ready after death {n + 1}")
    bench.claim_one(id, worker="last")
    bench.engine.cancel([id])
    bench.engine.retire("last")
    same((bench.state(id), bench.claim()), (State.CANCELLED, []), "its state, what is claimed")


@law("G11")
def a_sweep_quarantines_as_well(bench: Bench) -> None:
    """A job that is quarantined because a sweep found its worker silent has what follows, too, and once."""
    id = bench.push(link_error=[bench.message(task="mail.admins")])

    def fall_silent(worker: str) -> None:
        bench.beat(worker)
        for _ in range(SILENCE_OBSERVATIONS + 3):
            bench.engine.sweep()
            bench.clock.live(SILENCE_SECONDS / SILENCE_OBSERVATIONS)

    _poison(bench, id, fall_silent)
    bench.engine.retire("w2")
    same([c.message.task for c in bench.claim(10)], ["mail.admins"], "what is claimed")
