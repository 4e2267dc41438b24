"""What `push_each` promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from cardoon.model.errors import LeaseLost
from cardoon.model.job import Filter
from cardoon.model.message import Message
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import Broken, holds, same
from cardoon.testing.conformance.law import law

_AHEAD = 2
"""As many batches are taken at most before those before them are told."""


@law("G1")
def batches_are_stored_in_turn(bench: Bench) -> None:
    """Batches of one call are answered in turn, and their jobs claimed in that order."""
    a, b, c = (bench.message() for _ in range(3))
    answers = list(bench.engine.push_each([[a, b], [c, a], [b]]))
    same(answers, [[True, True], [True, False], [False]], "the answers")
    same(bench.claim_ids(), [a.id, b.id, c.id], "what is claimed")


@law("G1")
def no_batches_are_nothing(bench: Bench) -> None:
    """A call without a batch does nothing, nor does one with a batch without a message."""
    same(list(bench.engine.push_each([])), [], "the answers to nothing")
    one = bench.message()
    same(list(bench.engine.push_each([[], [one], []])), [[], [True], []], "the answers around empty ones")
    same(bench.claim_ids(), [one.id], "what is claimed")


@law("G1")
def large_batches_are_stored_whole(bench: Bench) -> None:
    """Three batches of 2,000 in one call become 6,000 jobs, each claimed once, in order."""
    batches = [[bench.message() for _ in range(2_000)] for _ in range(3)]
    same(list(bench.engine.push_each(batches)), [[True] * 2_000] * 3, "the answers")
    claimed = [id for _ in range(12) for id in bench.claim_ids(500)]
    holds(claimed == [m.id for batch in batches for m in batch], "all are claimed once, in their order")


@law("G1")
def what_comes_before_an_error_is_stored_and_told(bench: Bench) -> None:
    """When the next batch cannot be made, those before it are stored and told first."""
    batches = [[bench.message()] for _ in range(3)]

    def made() -> Iterator[list[Message]]:
        yield from batches
        raise LookupError("there is no fourth one")

    told = _told_until(bench, made(), LookupError)
    same(told, [[True]] * 3, "what was told before the error")
    same(bench.claim_ids(), [m.id for (m,) in batches], "what is claimed")


@law("G1")
def what_comes_after_a_bad_batch_is_not_stored(bench: Bench) -> None:
    """A batch that cannot be encoded ends the call: what came before it is stored, the rest is not."""
    good, late = bench.message(), bench.message()
    batches = [[good], [bench.message(), bench.message(args=["\ud800"])], [late]]
    same(_told_until(bench, iter(batches), (UnicodeError, ValueError)), [[True]], "what was told")
    same([job.id for job in bench.engine.find(Filter()).jobs], [good.id], "what is stored")
    same(list(bench.engine.push_each([[good], [late]])), [[False], [True]], "the answers without the bad one")


@law("G8")
def batches_of_an_attempt_that_lost_its_job_are_not_stored(bench: Bench) -> None:
    """Nothing is stored for an attempt that does not own its job any more, and LeaseLost is raised."""
    claim = bench.running()
    fresh = [[bench.message(queue="next")] for _ in range(3)]
    same(list(bench.engine.push_each(fresh[:1], by=claim)), [[True]], "the answer while it owns its job")
    bench.engine.retire("ada", crashed=False)
    try:
        list(bench.engine.push_each(fresh[1:], by=claim))
    except LeaseLost:
        return same(bench.count(State.READY, "next"), 1, "how many jobs were stored")
    raise Broken("an attempt that lost its job sent others")


@law("G1")
def batches_are_taken_as_they_are_stored(bench: Bench) -> None:
    """Of many batches only the next are taken; who stops asking finds stored what was told."""
    taken: list[str] = []

    def made() -> Iterator[list[Message]]:
        for _ in range(100):
            message = bench.message()
            taken.append(message.id)
            yield [message]

    answers = bench.engine.push_each(made())
    same(list(islice(answers, 3)), [[True]] * 3, "the first answers")
    holds(len(taken) <= 3 + _AHEAD, f"only the next batches were taken, not {len(taken)}")
    del answers
    stored = bench.claim_ids()
    holds(stored[:3] == taken[:3] and set(stored) <= set(taken), "what was told is stored, in its order")
    same(bench.engine.push([bench.message(id=taken[0])]), [False], "the answer to the next call")


@law("G1")
def batches_may_ask_the_engine_themselves(bench: Bench) -> None:
    """What makes the batches may push, find and claim meanwhile, and gets the answers to that."""
    inner: list[str] = []

    def made() -> Iterator[list[Message]]:
        for _ in range(3):
            inner.append(bench.push(queue="inner"))
            yield [bench.message(args=[len(bench.engine.find(Filter(queues=frozenset({"inner"}))).jobs)])]

    same(list(bench.engine.push_each(made())), [[True]] * 3, "the answers")
    same(
        [claim.message.args for claim in bench.claim(5, queues=["celery"])], [[1], [2], [3]], "what was found"
    )
    same(bench.claim_ids(queues=["inner"]), inner, "the jobs that were pushed meanwhile")


def _told_until(
    bench: Bench, batches: Iterator[Sequence[Message]], error: type[Exception] | tuple[type[Exception], ...]
) -> list[list[bool]]:
    """What was answered before this error."""
    told: list[list[bool]] = []
    try:
        told.extend(bench.engine.push_each(batches))
    except error:
        return told
    raise Broken("no error came")
