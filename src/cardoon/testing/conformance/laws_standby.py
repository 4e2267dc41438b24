"""What holds of a worker that stands by: it said that it will wait, and may be handed what comes."""

from __future__ import annotations

import threading
import time

from cardoon.engines.contract import Engine
from cardoon.model import outcome
from cardoon.model.job import Claim
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import Broken, holds, same
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.network import behind_a_proxy, persistently

LONG = 10.0
"""Seconds; no law sleeps that long unless it is broken."""
ROUNDS = 100
STUCK_SECONDS = 30.0


def _stand_by(engine: Engine, worker: str = "ada", queues: list[str] | None = None) -> None:
    """The worker gets nothing and says that it will wait; it has waited before, as it would have."""
    same(engine.wait(queues, 0.0), False, "the answer while there is nothing")
    turn = engine.exchange((), worker, queues, 1, will_wait=True)
    same(turn.claims, [], "what is claimed while there is nothing")


def _taken(bench: Bench, worker: str = "ada", limit: int = 1) -> list[Claim]:
    """What a worker gets that stood by and was called."""
    same(bench.engine.wait(None, LONG), True, "the answer")
    return bench.engine.exchange((), worker, None, limit, will_wait=True).claims


@law("G1")
def who_stands_by_gets_the_job_as_any_claim(bench: Bench) -> None:
    """It is the first attempt of a running job, which this worker holds and may end."""
    bench.running()  # another is under way
    _stand_by(bench.engine, "bea")
    id = bench.push(priority=7)
    (claim,) = _taken(bench, "bea")
    same((claim.id, claim.worker, claim.attempt, claim.retries), (id, "bea", 1, 0), "the claim")
    same(bench.engine.held("bea"), [claim], "what it holds")
    same(bench.state(id), State.RUNNING, "the state")
    same(bench.end(claim, outcome.succeeded(b"1")), True, "its end is accepted")
    same((bench.count(State.READY), bench.count(State.RUNNING)), (0, 1), "what waits and runs then")


@law("G1")
def who_has_no_room_any_more_leaves_it_to_others(bench: Bench) -> None:
    """A worker that is called and then takes nothing keeps nothing; the job's next attempt is its first."""
    _stand_by(bench.engine)
    id = bench.push()
    same(bench.engine.wait(None, LONG), True, "the answer")
    same(bench.engine.exchange((), "ada", None, 0).claims, [], "what it takes without room")
    same(bench.engine.held("ada"), [], "what it holds")
    claim = bench.claim_one(id, worker="bea")
    same((claim.attempt, claim.retries, claim.crashes), (1, 0, 0), "what the next attempt is charged with")


@law("G1")
def who_is_woken_for_something_else_hears_of_the_job_too(bench: Bench) -> None:
    """A worker that is told to be quiet as a job comes can leave to others what it was called for."""
    _stand_by(bench.engine)
    id = bench.push()
    bench.engine.wake()
    if bench.engine.wait(None, LONG):
        same(bench.engine.exchange((), "ada", None, 0).claims, [], "what it takes without room")
    bench.claim_one(id, worker="bea")


@law("G1")
def who_did_not_look_gets_no_more_than_asked_for(bench: Bench) -> None:
    """Jobs that came while it stood by and before it waited: as many as the limit, the others wait."""
    _stand_by(bench.engine)
    ids = [bench.push() for _ in range(3)]
    first = bench.engine.exchange((), "ada", None, 2, will_wait=True).claims
    same(len(first), 2, "how many it got")
    rest = bench.claim_ids(worker="bea")
    same(sorted([*(claim.id for claim in first), *rest]), sorted(ids), "what both got")


@law("G8")
def an_end_and_a_job_that_came_meanwhile_go_together(bench: Bench) -> None:
    """A worker that runs one job and stands by for another ends the first as it takes the second."""
    running = bench.running()
    _stand_by(bench.engine)
    id = bench.push()
    same(bench.engine.wait(None, LONG), True, "the answer")
    turn = bench.engine.exchange([(running, outcome.succeeded(b"1"))], "ada", None, 1)
    same(([c.id for c in turn.claims], turn.refused), ([id], []), "what it got, and what was refused")
    same(bench.state(running.id), State.SUCCEEDED, "the state of the first")


@law("G8")
def the_retired_are_handed_nothing(bench: Bench) -> None:
    """A worker that is retired while it stands by gets no job; others do, at once."""
    _stand_by(bench.engine)
    bench.engine.retire("ada")
    id = bench.push()
    bench.claim_one(id, worker="bea")
    bench.engine.wait(None, 0.0)
    same(bench.engine.exchange((), "ada", None, 1).claims, [], "what the retired one gets")


@law("G20")
def who_stands_by_is_handed_nothing_of_a_paused_queue(bench: Bench) -> None:
    """What comes to a queue that was paused meanwhile waits until it is resumed."""
    _stand_by(bench.engine)
    bench.engine.pause("q")
    id = bench.push(queue="q")
    bench.engine.wait(None, 0.0)
    same(bench.engine.exchange((), "ada", None, 1, will_wait=True).claims, [], "what it gets while paused")
    same(bench.engine.held("ada"), [], "what it holds")
    bench.engine.resume("q")
    same([claim.id for claim in _taken(bench)], [id], "what it gets then")


@law("G20")
def who_stands_by_is_handed_nothing_of_other_queues(bench: Bench) -> None:
    """A job of a queue that the worker does not take from is left to others."""
    _stand_by(bench.engine, queues=["q"])
    id = bench.push(queue="other")
    same(bench.engine.wait(["q"], 0.0), False, "the answer")
    same(bench.engine.exchange((), "ada", ["q"], 1).claims, [], "what it gets")
    bench.claim_one(id, worker="bea")


@law("G2")
def a_known_id_is_handed_to_nobody(bench: Bench) -> None:
    """To push an ended job again changes nothing, whoever stands by."""
    message = bench.message()
    bench.engine.push([message])
    bench.end(bench.claim_one(message.id), outcome.succeeded(b"1"))
    _stand_by(bench.engine)
    same(bench.engine.push([message]), [False], "the answer to pushing it again")
    bench.engine.wait(None, 0.0)
    same(bench.engine.exchange((), "ada", None, 1).claims, [], "what the worker gets")
    same(bench.state(message.id), State.SUCCEEDED, "the state")


@law("G1")
def what_comes_while_waits_are_ended_is_claimed_once(bench: Bench) -> None:
    """Jobs that are pushed as the worker is woken for something else are claimed once each."""
    ids: list[str] = []

    def disturb() -> None:
        for number in range(ROUNDS):
            if number % 2:
                bench.engine.wake()
            ids.append(bench.push())
            if number % 3:
                bench.engine.wake()
            time.sleep(0.001 * (number % 4))

    claimed: list[str] = []
    waker = bench.meanwhile(disturb)
    deadline = time.monotonic() + STUCK_SECONDS
    while len(claimed) < ROUNDS:
        turn = bench.engine.exchange((), "ada", None, 1, will_wait=True)
        claims = bench.engine.held("ada") if turn.in_doubt else turn.claims
        for claim in claims:
            same(bench.end(claim, outcome.succeeded(None)), True, "its end is accepted")
        claimed += [claim.id for claim in claims]
        if not claims:
            bench.engine.wait(None, 1.0)
        holds(time.monotonic() < deadline, f"all were claimed; {len(claimed)} of {ROUNDS} were")
    answer_of(waker)
    same(sorted(claimed), sorted(ids), "what was claimed")
    same(bench.count(State.RUNNING), 0, "what runs")


@law("G1")
def two_that_stand_by_share_what_comes(bench: Bench) -> None:
    """Each job goes to one of them, and none is left over."""
    told, lock = dict[str, str](), threading.Lock()

    def work(worker: str) -> None:
        deadline = time.monotonic() + STUCK_SECONDS
        while len(told) < 2 * ROUNDS:
            turn = bench.engine.exchange((), worker, None, 1, will_wait=True)
            for claim in bench.engine.held(worker) if turn.in_doubt else turn.claims:
                with lock:
                    same(told.setdefault(claim.id, worker), worker, "who got it")
                bench.end(claim, outcome.succeeded(None))
            if not turn.claims and not turn.in_doubt:
                bench.engine.wait(None, 0.2)
            holds(time.monotonic() < deadline, f"all were claimed; {len(told)} were")

    workers = [bench.meanwhile(lambda name=name: work(name)) for name in ("ada", "bea")]  # type: ignore[misc]
    ids = [bench.push() for _ in range(2 * ROUNDS)]
    for worker in workers:
        answer_of(worker)
    same(sorted(told), sorted(ids), "what was claimed")
    same(bench.count(State.RUNNING), 0, "what runs")


@law("G1", needs=("network",))
def a_job_that_was_handed_to_the_deaf_is_found(bench: Bench) -> None:
    """A worker that hears nothing of the job it was handed finds out by itself, within its next looks."""
    with behind_a_proxy(bench) as (engine, proxy):
        _stand_by(engine)
        proxy.deafen()
        id = bench.push()
        same(_found(engine), [id], "what it got, or holds")


@law("G1", needs=("network",))
def a_job_that_was_handed_through_a_line_that_breaks_is_found(bench: Bench) -> None:
    """The word of the job is on its way when the line is cut: the worker finds out what it holds."""
    with behind_a_proxy(bench) as (engine, proxy):
        for _ in range(5):
            persistently(lambda: engine.wait(None, 0.0))
            persistently(lambda: engine.exchange((), "ada", None, 1, will_wait=True))
            proxy.black_hole()
            id = bench.push()
            proxy.cut()
            proxy.heal()
            same(_found(engine), [id], "what it got, or holds")


def _found(engine: Engine) -> list[str]:
    """What a worker gets, or finds that it holds; it ends it."""
    deadline = time.monotonic() + STUCK_SECONDS
    while time.monotonic() < deadline:
        persistently(lambda: engine.wait(None, 0.5))
        turn = persistently(lambda: engine.exchange((), "ada", None, 1, will_wait=True))
        claims = engine.held("ada") if turn.in_doubt else turn.claims
        if claims:
            same(engine.settle([(claim, outcome.succeeded(None)) for claim in claims]), [], "what is refused")
            return [claim.id for claim in claims]
    raise Broken(f"nothing within {STUCK_SECONDS:g} s, though a job was there")
