"""What holds when a connection is cut, before the server got a request or after it was done.

Each verb is tried with each of its requests cut in turn, and repeated as its caller would. Which of them
took effect, nobody knows; that is the point.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from cardoon.engines.contract import Engine
from cardoon.model import clock, outcome
from cardoon.model.errors import EngineUnavailable
from cardoon.model.job import Claim, Filter, Report, Schedule
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, same
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.network import behind_a_proxy, each_request, persistently


def _cut_everywhere(bench: Bench, step: Callable[[Engine], object]) -> None:
    """Take the step again and again, each of its requests being cut once before and once after."""
    with behind_a_proxy(bench) as (engine, proxy):
        for harm in (proxy.cut_before, proxy.cut_after):
            each_request(proxy, harm, lambda: step(engine))


@law("G2", needs=("network",))
def a_push_that_is_cut_and_repeated_makes_one_job(bench: Bench) -> None:
    """A push whose connection was cut anywhere is repeated: every job is there, once."""
    sent: list[str] = []

    def push(engine: Engine) -> None:
        messages = [bench.message() for _ in range(3)]
        sent.extend(message.id for message in messages)
        persistently(lambda: engine.push(messages))

    _cut_everywhere(bench, push)
    same(bench.claim_ids(10_000), sent, "the jobs, in order")


@law("G2", needs=("network",))
def a_push_that_was_cut_is_whole_or_not_there(bench: Bench) -> None:
    """A push that was cut and is not repeated stored all of its jobs or none."""
    batches: list[list[str]] = []

    def push(engine: Engine) -> None:
        messages = [bench.message() for _ in range(3)]
        batches.append([message.id for message in messages])
        with suppress(EngineUnavailable):
            engine.push(messages)

    _cut_everywhere(bench, push)
    there = set(bench.claim_ids(10_000))
    stored = [len(there.intersection(ids)) for ids in batches]
    holds(set(stored) <= {0, 3}, f"each batch was stored whole or not at all: {stored}")


@law("G2", needs=("network",))
def batches_that_were_cut_are_stored_as_far_as_told(bench: Bench) -> None:
    """Batches that were cut: those told are stored, the next one is whole or not there, no later one is."""
    calls: list[tuple[list[list[str]], int]] = []

    def push(engine: Engine) -> None:
        batches, told = [[bench.message() for _ in range(2)] for _ in range(4)], 0
        with suppress(EngineUnavailable):
            for _ in engine.push_each(batches):
                told += 1
        calls.append(([[message.id for message in batch] for batch in batches], told))

    _cut_everywhere(bench, push)
    there = set(bench.claim_ids(10_000))
    for batches, told in calls:
        stored = [len(there.intersection(ids)) for ids in batches]
        most = [2] * (told + 1) + [0] * (3 - told)
        holds(
            stored in (_only(told, most), most[:4]), f"{told} batches were told, {stored} jobs of each stored"
        )
    holds(any(told < 4 for _, told in calls), "some were cut")


def _only(told: int, most: list[int]) -> list[int]:
    return [*most[:told], *[0] * (4 - told)]


@law("G8", needs=("network",))
def an_end_that_is_cut_and_repeated_is_not_refused(bench: Bench) -> None:
    """An end whose connection was cut anywhere is repeated: it stands, with what follows, once."""
    followed: list[str] = []

    def settle(engine: Engine) -> None:
        bench.push(queue="work")
        (claim,), follow = bench.claim(queues=["work"]), bench.message(queue="next")
        followed.append(follow.id)
        ends = [(claim, outcome.succeeded(b"1", (follow,)))]
        same(persistently(lambda: engine.settle(ends)), [], "the ends that were refused")
        same(bench.state(claim.id), State.SUCCEEDED, "the state")

    _cut_everywhere(bench, settle)
    same(bench.claim_ids(10_000, queues=["next"]), followed, "what followed")


@law("G3", needs=("network",))
def claims_that_were_cut_are_found_by_held(bench: Bench) -> None:
    """Whatever a claim took before its connection was cut is told by `held`, and can be ended."""
    ids = bench.push_many(200)
    seen: list[str] = []

    def claim(engine: Engine) -> None:
        with suppress(EngineUnavailable):
            seen.extend(claim.id for claim in engine.claim("ada", None, 2))

    _cut_everywhere(bench, claim)
    held = bench.engine.held("ada")
    holds(set(seen) <= {claim.id for claim in held}, "what was seen is held")
    same(sorted(seen), sorted(set(seen)), "what was seen, each once")
    same(bench.engine.settle([(claim, outcome.succeeded(None)) for claim in held]), [], "what is refused")
    same(len(held) + len(bench.claim(10_000)), len(ids), "how many jobs were held or are left")


@law("G3", needs=("network",))
def a_turn_that_was_cut_is_taken_again(bench: Bench) -> None:
    """An exchange that was cut is repeated: its ends stand, and what it claimed is held."""
    ids = bench.push_many(200)
    owned: dict[str, Claim] = {}

    def turn(engine: Engine) -> None:
        ends = [(claim, outcome.succeeded(None)) for claim in owned.values()]
        took = persistently(lambda: engine.exchange(ends, "ada", None, 2))
        same(took.refused, [], "the ends that were refused")
        owned.clear()
        owned.update({claim.id: claim for claim in bench.engine.held("ada")})

    _cut_everywhere(bench, turn)
    bench.engine.settle([(claim, outcome.succeeded(None)) for claim in owned.values()])
    done = bench.engine.find(Filter(states=frozenset({State.SUCCEEDED})), limit=1_000).jobs
    same(len(done) + len(bench.claim(10_000)), len(ids), "how many jobs are done or left")


@law("G10", needs=("network",))
def a_moment_that_was_cut_fires_once(bench: Bench) -> None:
    """Firing a due moment is repeated after a cut: its job is there once, and the schedule moved on."""
    bench.engine.save_schedule(Schedule(name="s", next_due=1.0))
    sent: list[str] = []

    def fire(engine: Engine) -> None:
        due, message = float(len(sent) + 1), bench.message()
        sent.append(message.id)
        persistently(lambda: engine.fire_due("s", due, due + 1, [message]))
        same([s.next_due for s in bench.engine.schedules()], [due + 1], "its next moment")

    _cut_everywhere(bench, fire)
    same(bench.claim_ids(10_000), sent, "the jobs, in order")


@law("G9", needs=("network",))
def a_lock_whose_grant_was_cut_is_the_owners(bench: Bench) -> None:
    """Who repeats `acquire` after a cut has the lock, under the number that it got."""

    def acquire(engine: Engine) -> None:
        number = persistently(lambda: engine.acquire("l", "ada", seconds=60))
        same(bench.engine.acquire("l", "ada", seconds=60), number, "its number")
        same(bench.engine.acquire("l", "bea", seconds=60), None, "what another one gets")
        persistently(lambda: engine.release("l", "ada"))
        holds(bench.engine.acquire("l", "bea", seconds=60) is not None, "it is free again")
        bench.engine.release("l", "bea")

    _cut_everywhere(bench, acquire)


@law("G7", needs=("network",))
def a_retirement_that_was_cut_is_repeated(bench: Bench) -> None:
    """A worker whose retirement was cut and repeated owns nothing; its jobs wait again."""

    def retire(engine: Engine) -> None:
        worker = clock.new_id()
        bench.beat(worker)
        claim = bench.running(worker=worker)
        persistently(lambda: engine.retire(worker, crashed=False))
        same(
            (bench.state(claim.id), bench.engine.held(worker)),
            (State.READY, []),
            "the job, and what it holds",
        )
        bench.engine.purge(["celery"])

    _cut_everywhere(bench, retire)


@law("G16", needs=("network",))
def whatever_is_cut_says_so_and_goes_on(bench: Bench) -> None:
    """Every other verb raises EngineUnavailable or answers when it is cut, and works when it is repeated."""
    claim = bench.running()
    bench.beat("ada")
    verbs: list[Callable[[Engine], object]] = [
        lambda engine: engine.cancel(["unknown"]),
        lambda engine: engine.replay(["unknown"]),
        lambda engine: engine.delete(["unknown"]),
        lambda engine: engine.sweep(),
        lambda engine: engine.count(),
        lambda engine: engine.pause("q"),
        lambda engine: engine.resume("q"),
        lambda engine: engine.purge(["q"]),
        lambda engine: engine.beat([Report(worker="ada", beats=1)]),
        lambda engine: engine.workers(),
        lambda engine: engine.queues(),
        lambda engine: engine.order("ada", "quiet"),
        lambda engine: engine.held("ada"),
        lambda engine: engine.result(claim.id),
        lambda engine: engine.annotate(claim, "progress", b"1"),
        lambda engine: engine.annotations(claim.id, "progress"),
        lambda engine: engine.owns(claim),
        lambda engine: engine.find(Filter()),
        lambda engine: engine.attempts(claim.id),
        lambda engine: engine.take("b", per_second=1_000.0),
        lambda engine: engine.unpark(["t"]),
        lambda engine: engine.schedules(),
        lambda engine: engine.wait(None, 0.0),
        lambda engine: engine.wait_results([claim.id], 0.0),
    ]
    for verb in verbs:
        _cut_everywhere(bench, lambda engine, verb=verb: persistently(lambda: verb(engine)))  # type: ignore[misc]
    same(bench.engine.owns(claim), True, "the job is still owned")
