"""What holds when several do the same at the same moment.

They are processes where the engine is shared, else threads of this one.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from cardoon.engines.contract import Engine
from cardoon.model import outcome
from cardoon.model.job import Claim, Filter, Report, Schedule
from cardoon.model.message import Message
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import holds, same
from cardoon.testing.conformance.law import law

HANDS = 3
ENOUGH = 10_000
"""Jobs; a hand that got more has proven that the engine gives out more than there is."""


def drain(engine: Engine, hand: int, batch: int) -> list[str]:
    """Claim until nothing is left: the ids."""
    claimed: list[str] = []
    while len(claimed) < ENOUGH and (claims := engine.claim(f"w{hand}", None, batch)):
        claimed += [claim.id for claim in claims]
    return claimed


def work(engine: Engine, hand: int, batch: int) -> list[int]:
    """Settle and claim in one call until nothing is left: how many were run, how many ends refused."""
    ends: list[Any] = []
    run, refused = 0, 0
    while True:
        turn = engine.exchange(ends, f"w{hand}", None, batch)
        refused += len(turn.refused)
        if not turn.claims or run > ENOUGH:
            return [run, refused]
        run += len(turn.claims)
        ends = [(claim, outcome.succeeded(claim.id.encode())) for claim in turn.claims]


def push_all(engine: Engine, hand: int, messages: list[Message]) -> list[bool]:
    """Push the same messages as everybody else, one by one."""
    return [engine.push([message])[0] for message in messages]


def push_batch(engine: Engine, hand: int, batches: list[list[Message]]) -> list[bool]:
    """Push the batch of this hand in one call."""
    return engine.push(batches[hand])


def settle_all(engine: Engine, hand: int, claims: list[Claim]) -> list[bool]:
    """End the same claims as everybody else, each with this hand's result: which were accepted."""
    return [not engine.settle([(claim, outcome.succeeded(b"%d" % hand))]) for claim in claims]


def settle_or_retire(engine: Engine, hand: int, claims: list[Claim]) -> list[bool]:
    """Hand 0 retires the worker; the others end its claims: which were accepted."""
    if hand == 0:
        engine.retire(claims[0].worker)
        return []
    return settle_all(engine, hand, claims[hand::HANDS])


def cancel_or_drain(engine: Engine, hand: int, ids: list[str]) -> list[str]:
    """Hand 0 cancels one by one: those that became cancelled; the others claim."""
    if hand:
        return drain(engine, hand, 2)
    return [id for id in ids if engine.cancel([id])[id] is State.CANCELLED]


def acquire_each(engine: Engine, hand: int, names: list[str]) -> list[int | None]:
    """Try every lock once and keep it."""
    return [engine.acquire(name, f"owner {hand}") for name in names]


def take_turns(engine: Engine, hand: int, turns: int) -> list[int]:
    """Get one lock so many times, releasing it each time: the numbers."""
    numbers: list[int] = []
    deadline = time.monotonic() + 30.0
    while len(numbers) < turns and time.monotonic() < deadline:
        number = engine.acquire("door", f"owner {hand}")
        if number is not None:
            numbers.append(number)
            engine.release("door", f"owner {hand}")
    return numbers


def arrive_each(engine: Engine, hand: int, barriers: int, of: int) -> list[bool]:
    """Arrive at every barrier as this hand's members."""
    return [engine.arrive(f"b{n}", f"{hand}-{m}", of=of) for n in range(barriers) for m in range(of // HANDS)]


def take_all(engine: Engine, hand: int, tries: int) -> int:
    """Ask a slow bucket again and again: how many tokens were granted."""
    return sum(engine.take("bucket", per_second=1 / 3600, burst=7) == 0.0 for _ in range(tries))


def fire(engine: Engine, hand: int, dues: list[float], messages: list[list[Message]]) -> list[bool]:
    """Fire every due moment in turn, as every scheduler does."""
    return [
        engine.fire_due("nightly", due, due + 60, [message])
        for due, message in zip(dues, messages[hand], strict=True)
    ]


def sweep_often(engine: Engine, hand: int, times: int) -> int:
    """Sweep again and again: how many jobs were promoted."""
    return sum(engine.sweep().due for _ in range(times))


def seed(engine: Engine, hand: int, name: str) -> bool:
    """Seed a schedule with this hand's content."""
    return engine.save_schedule(Schedule(name=name, data=b"%d" % hand), seed=True)


def beat_and_claim(engine: Engine, hand: int, rounds: int) -> list[str]:
    """As a worker does: beat, claim one, go on."""
    got: list[str] = []
    for n in range(rounds):
        engine.beat([Report(worker=f"w{hand}", beats=n)])
        got += [claim.id for claim in engine.claim(f"w{hand}", None, 1)]
    return got


def find_all(engine: Engine, hand: int, batches: list[list[Message]]) -> int:
    """Hand 0 counts while the others push: the most jobs that were counted beyond what there can be."""
    if hand:
        engine.push(batches[hand])
        return 0
    sizes = {sum(n for states in engine.count().values() for n in states.values()) for _ in range(20)}
    return len({size % len(batches[0]) for size in sizes} - {0})


@law("G3")
def claimers_never_share_a_job(bench: Bench) -> None:
    """Several claimers at once get every job, each job once."""
    ids = bench.push_many(300)
    for batch in (1, 7):
        got = [id for hand in bench.race(drain, batch, hands=HANDS) for id in hand]
        holds(sorted(got) == sorted(ids), f"{len(got)} claims of {len(set(got))} jobs out of {len(ids)}")
        ids = bench.push_many(300)


@law("G3")
def workers_run_each_job_once(bench: Bench) -> None:
    """Several workers that settle and claim in one call run every job once, and no end is refused."""
    ids = bench.push_many(600)
    done = bench.race(work, 20, hands=HANDS)
    same((sum(run for run, _ in done), sum(no for _, no in done)), (600, 0), "jobs run, ends refused")
    same(bench.count(State.SUCCEEDED), 600, "how many succeeded")
    holds(all(bench.job(id).result == id.encode() for id in ids[::25]), "each has its own result")


@law("G2")
def pushers_of_one_id_make_one_job(bench: Bench) -> None:
    """Several that push the same ids at once make one job of each, and one of them hears that it is new."""
    messages = [bench.message() for _ in range(60)]
    answers = bench.race(push_all, messages, hands=HANDS)
    new = [sum(answer[n] for answer in answers) for n in range(60)]
    same(new, [1] * 60, "how many heard that it is new")
    same(sorted(bench.claim_ids(200)), sorted(m.id for m in messages), "the jobs")


@law("G1")
def batches_of_several_pushers_all_arrive(bench: Bench) -> None:
    """Batches pushed at once arrive whole; each keeps its own order."""
    batches = [[bench.message() for _ in range(400)] for _ in range(HANDS)]
    same(bench.race(push_batch, batches, hands=HANDS), [[True] * 400] * HANDS, "the answers")
    order = {id: n for n, id in enumerate(bench.claim_ids(2_000))}
    same(len(order), 400 * HANDS, "how many jobs")
    for batch in batches:
        places = [order[message.id] for message in batch]
        holds(places == sorted(places), "a batch is claimed in its order")


@law("G8")
def one_of_several_ends_is_accepted(bench: Bench) -> None:
    """Several that end the same attempt at once: one is accepted, and its result stands."""
    bench.push_many(40)
    claims = bench.claim(40)
    answers = bench.race(settle_all, claims, hands=HANDS)
    for n, claim in enumerate(claims):
        winners = [hand for hand in range(HANDS) if answers[hand][n]]
        same([b"%d" % hand for hand in winners], [bench.job(claim.id).result], "the winners and the result")


@law("G8")
def an_end_and_a_retirement_do_not_both_win(bench: Bench) -> None:
    """While a worker is retired each of its jobs either ends or waits again, as the answers say."""
    bench.push_many(90)
    claims = bench.claim(90, worker="ada")
    answers = bench.race(settle_or_retire, claims, hands=HANDS)
    for hand in range(1, HANDS):
        for claim, accepted in zip(claims[hand::HANDS], answers[hand], strict=True):
            wanted = State.SUCCEEDED if accepted else State.READY
            same(bench.state(claim.id), wanted, f"the state of a job whose end was accepted: {accepted}")


@law("G14")
def a_cancel_and_a_claim_do_not_both_win(bench: Bench) -> None:
    """A job that became cancelled was claimed by nobody; every other one was."""
    ids = bench.push_many(150)
    cancelled, *claimed = bench.race(cancel_or_drain, ids, hands=HANDS)
    got = [*cancelled, *(id for hand in claimed for id in hand)]
    holds(
        sorted(got) == sorted(ids),
        f"{len(cancelled)} cancelled and {len(got) - len(cancelled)} claimed of 150",
    )


@law("G9")
def one_of_several_gets_the_lock(bench: Bench) -> None:
    """Several that ask for one free lock at once: one gets it."""
    answers = bench.race(acquire_each, [f"lock {n}" for n in range(60)], hands=HANDS)
    got = [sum(answer[n] is not None for answer in answers) for n in range(60)]
    same(got, [1] * 60, "how many got it")


@law("G9")
def turns_at_a_lock_have_their_own_numbers(bench: Bench) -> None:
    """Owners that take turns at a lock never see a number twice, and each sees its own grow."""
    numbers = bench.race(take_turns, 20, hands=HANDS)
    same([len(own) for own in numbers], [20] * HANDS, "how many turns each had")
    flat = [n for own in numbers for n in own]
    same(len(set(flat)), len(flat), "how many different numbers")
    holds(all(own == sorted(own) for own in numbers), "each sees its own grow")


@law("G2")
def one_arrival_completes(bench: Bench) -> None:
    """Members that arrive at a barrier at once complete it exactly once."""
    answers = bench.race(arrive_each, 20, 6, hands=HANDS)
    done = [complete for answer in answers for complete in answer]
    same(sum(done), 20, "how many arrivals completed one of 20 barriers")


@law("G20")
def a_rate_holds_for_all(bench: Bench) -> None:
    """Several that take tokens at once get no more than the burst together."""
    same(sum(bench.race(take_all, 20, hands=HANDS)), 7, "how many tokens")


@law("G10")
def one_scheduler_fires(bench: Bench) -> None:
    """Several schedulers that fire the same moments at once: each fires once, no job is doubled."""
    dues = [1_700_000_000.0 + 60 * n for n in range(20)]
    bench.engine.save_schedule(Schedule(name="nightly", next_due=dues[0]))
    messages = [[bench.message() for _ in dues] for _ in range(HANDS)]
    answers = bench.race(fire, dues, messages, hands=HANDS)
    fired = [sum(answer[n] for answer in answers) for n in range(len(dues))]
    holds(max(fired) == 1, f"no moment fired twice: {fired}")
    same(len(bench.claim(100)), sum(fired), "how many jobs")


@law("G10")
def one_of_several_seeds(bench: Bench) -> None:
    """Several that seed the same schedule at once: one writes it, and its content stands."""
    for n in range(10):
        answers = bench.race(seed, f"s{n}", hands=HANDS)
        same(sum(answers), 1, "how many wrote it")
        data = {s.name: s.data for s in bench.engine.schedules()}[f"s{n}"]
        same(data, b"%d" % answers.index(True), "whose content stands")


@law("G3")
def sweepers_promote_once(bench: Bench) -> None:
    """Several sweepers at once promote each job that is due once."""
    bench.push_many(200, due=bench.clock.time() + 0.1)
    bench.race(sweep_often, 100, hands=HANDS)
    bench.clock.jump(1)
    got = bench.claim_ids(500)
    same((len(got), len(set(got))), (200, 200), "jobs claimed, and different ones")


@law("G7")
def workers_that_beat_and_claim_lose_nothing(bench: Bench) -> None:
    """Workers that beat and claim while others do get every job once."""
    ids = bench.push_many(60)
    got = [id for hand in bench.race(beat_and_claim, 40, hands=HANDS) for id in hand]
    same(sorted(got), sorted(ids), "what was claimed")


@law("I6")
def counts_never_show_half_a_batch(bench: Bench) -> None:
    """Whoever counts while batches are pushed sees each batch whole or not at all."""
    batches = [[bench.message() for _ in range(200)] for _ in range(HANDS)]
    same(bench.race(find_all, batches, hands=HANDS)[0], 0, "how many counts were between two batches")


@law("G7")
def a_push_from_elsewhere_wakes(bench: Bench) -> None:
    """A waiter never sleeps through a job that another process pushes, in twenty rounds."""
    slowest = 0.0
    for _ in range(20):
        message = bench.message()
        waiter = bench.meanwhile(lambda: _waited(bench.engine))
        bench.race(push_all, [message], hands=1)
        slowest = max(slowest, answer_of(waiter))
        bench.claim_one(message.id)
    holds(slowest < 10.0, f"the longest wait was {slowest:.1f} s")


@law("G18")
def an_end_from_elsewhere_is_heard(bench: Bench) -> None:
    """Whoever waits for a result hears of an end that another process writes, in twenty rounds."""
    for _ in range(20):
        claim = bench.running()
        waiter = bench.meanwhile(partial(bench.engine.wait_results, [claim.id], 30.0))
        start = time.monotonic()
        bench.race(settle_all, [claim], hands=1)
        found = answer_of(waiter)
        same(list(found), [claim.id], "the answer")
        holds(time.monotonic() - start < 10.0, "it did not sleep through it")


@law("G16")
def closing_harms_nobody(bench: Bench) -> None:
    """An engine object may be closed while other threads use it: all that they push is there."""
    engine, messages = bench.engine, [bench.message() for _ in range(40)]
    pushers = [bench.meanwhile(partial(_push_each, engine, messages[i::4])) for i in range(4)]
    for _ in range(200):
        engine.close()
    same([answer_of(pusher) for pusher in pushers], [10] * 4, "what each pushed")
    same(sorted(job.id for job in engine.find(Filter()).jobs), sorted(m.id for m in messages), "the jobs")


def _push_each(engine: Engine, messages: list[Message]) -> int:
    return sum(engine.push([message]) == [True] for message in messages)


def _waited(engine: Engine) -> float:
    start = time.monotonic()
    engine.wait(None, 30.0)
    return time.monotonic() - start
