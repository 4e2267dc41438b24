"""What holds when operators reach for jobs and workers at the same moment as these themselves.

They are processes where the engine is shared, else threads of this one.
"""

from __future__ import annotations

from cardoon.engines.contract import Engine
from cardoon.model import outcome
from cardoon.model.errors import LeaseLost
from cardoon.model.job import Claim, Filter, Report
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, same, until
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.laws_races import HANDS, drain

JOBS = 60


def replay_each(engine: Engine, hand: int, ids: list[str]) -> list[str]:
    """Replay the same jobs as everybody else, one by one: those that this hand replayed."""
    return [id for id in ids if engine.replay([id])]


def delete_each(engine: Engine, hand: int, ids: list[str]) -> list[str]:
    """Delete the same jobs as everybody else, one by one: those that this hand forgot."""
    return [id for id in ids if engine.delete([id])]


def delete_or_drain(engine: Engine, hand: int, ids: list[str]) -> list[str]:
    """Hand 0 deletes one by one: those forgotten; the others claim."""
    return drain(engine, hand, 2) if hand else delete_each(engine, hand, ids)


def delete_or_replay(engine: Engine, hand: int, ids: list[str]) -> list[str]:
    """Hand 0 deletes one by one, the others replay: what each did."""
    return replay_each(engine, hand, ids[::-1]) if hand else delete_each(engine, hand, ids)


def send_or_retire(engine: Engine, hand: int, sent: list[tuple[Claim, Message]], mark: Message) -> list[bool]:
    """Hand 0 retires the worker and then sends `mark`; the others send by its claims: what was stored."""
    if hand:
        return [_sends(engine, claim, message) for claim, message in sent[hand::HANDS]]
    until(lambda: engine.count(["children"]).get("children"), "the others have begun")
    engine.retire(sent[0][0].worker)
    return engine.push([mark])


def _sends(engine: Engine, claim: Claim, message: Message) -> bool:
    try:
        return engine.push([message], by=claim) == [True]
    except LeaseLost:
        return False


def send_late(engine: Engine, hand: int, sent: list[tuple[Claim, Message]]) -> list[bool]:
    """As a process that was stopped while its jobs were lost: whether each message was stored."""
    return [_sends(engine, claim, message) for claim, message in sent]


def repeat_ends(engine: Engine, hand: int, ends: list[tuple[Claim, Outcome]]) -> int:
    """Write the same ends as everybody else, one by one: how many were refused."""
    return sum(len(engine.settle([end])) for end in ends)


def order_or_beat(engine: Engine, hand: int, workers: list[str]) -> list[bool]:
    """Hand 0 gives each worker an order; the others beat for all meanwhile."""
    if hand == 0:
        return [engine.order(worker, "quiet") for worker in workers]
    for n in range(len(workers)):
        engine.beat([Report(worker=worker, beats=n) for worker in workers])
    return []


def order_or_retire(engine: Engine, hand: int, workers: list[str]) -> list[bool]:
    """Hand 0 retires each worker; hand 1 gives it an order: whether that was taken; hand 2 beats for it."""
    verbs = (
        lambda worker: bool(engine.retire(worker)),
        lambda worker: engine.order(worker, "stop"),
        lambda worker: worker in engine.beat([Report(worker=worker)]).orders,
    )
    return [verbs[hand](worker) for worker in workers]


def terminate_or_work(engine: Engine, hand: int, ids: list[str]) -> None:
    """Hand 0 asks for the end of each job; the others claim, hear what they are to end, and obey."""
    if hand == 0:
        engine.cancel(ids, terminate=True)
        return
    worker = f"w{hand}"
    while claims := engine.claim(worker, None, 2):
        asked = engine.beat([Report(worker=worker)]).terminate.get(worker, [])
        ended = Outcome(state=State.CANCELLED)
        engine.settle([(claim, ended if claim.id in asked else outcome.returned()) for claim in claims])


@law("G2")
def one_of_several_replays(bench: Bench) -> None:
    """Several that replay the same jobs at once: each job is replayed by one of them."""
    ids = bench.push_many(JOBS)
    bench.engine.cancel(ids)
    answers = [id for hand in bench.race(replay_each, ids, hands=HANDS) for id in hand]
    holds(sorted(answers) == sorted(ids), f"{len(answers)} replays of {len(set(answers))} jobs")
    same(sorted(bench.claim_ids(500)), sorted(ids), "what is claimed")
    same({len(bench.engine.attempts(id)) for id in ids}, {1}, "how many ends each has on record")


@law("G2")
def one_of_several_forgets(bench: Bench) -> None:
    """Several that delete the same jobs at once: each job is forgotten by one of them."""
    ids = bench.push_many(JOBS)
    answers = [id for hand in bench.race(delete_each, ids, hands=HANDS) for id in hand]
    holds(sorted(answers) == sorted(ids), f"{len(answers)} deletions of {len(set(answers))} jobs")
    same((bench.claim(), bench.count(State.READY)), ([], 0), "what is left")


@law("G8")
def a_deletion_and_a_claim_do_not_both_win(bench: Bench) -> None:
    """A job that was forgotten was claimed by nobody, every other one was, and stays known."""
    ids = bench.push_many(3 * JOBS)
    deleted, *claimed = bench.race(delete_or_drain, ids, hands=HANDS)
    got = [*deleted, *(id for hand in claimed for id in hand)]
    holds(sorted(got) == sorted(ids), f"{len(deleted)} forgotten, {len(got) - len(deleted)} claimed")
    same([bench.engine.result(id) for id in deleted], [None] * len(deleted), "what is known of the forgotten")


@law("I4")
def a_deletion_and_a_replay_leave_no_half(bench: Bench) -> None:
    """Jobs that are deleted and replayed at once are all forgotten, with all that belonged to them."""
    ids = bench.push_many(JOBS)
    bench.engine.cancel(ids)
    deleted, *_ = bench.race(delete_or_replay, ids, hands=HANDS)
    same(sorted(deleted), sorted(ids), "those forgotten")
    left = [bench.engine.attempts(id) or bench.engine.result(id) for id in ids]
    same((list(filter(None, left)), bench.claim()), ([], []), "what is left of them")


@law("G8")
def a_send_and_a_retirement_do_not_both_win(bench: Bench) -> None:
    """While a worker is retired, what its attempts send is stored or refused, as the answers say."""
    bench.push_many(JOBS)
    claims = bench.claim(JOBS, worker="ada")
    sent = [(claim, bench.message(queue="children")) for claim in claims]
    mark = bench.message(queue="children")
    answers = bench.race(send_or_retire, sent, mark, hands=HANDS)
    for hand in range(1, HANDS):
        for (_claim, message), stored in zip(sent[hand::HANDS], answers[hand], strict=True):
            same(bench.engine.result(message.id) is not None, stored, f"that it is there, stored: {stored}")
    newest = [job.id for job in bench.engine.find(Filter(queues=frozenset({"children"})), limit=500).jobs]
    same(newest[0], mark.id, "the last that was stored; all else was before the retirement")


@law("G8")
def a_zombie_sends_nothing(bench: Bench) -> None:
    """What a process sends by attempts whose jobs others run by now is refused, each message."""
    bench.push_many(JOBS)
    stale = bench.claim(JOBS, worker="ada")
    bench.engine.retire("ada", crashed=False)
    current = bench.claim(JOBS, worker="bea")
    sent = [(claim, bench.message(queue="children")) for claim in stale]
    same(bench.race(send_late, sent, hands=1), [[False] * JOBS], "what of it is stored")
    sent = [(claim, bench.message(queue="children")) for claim in current]
    same(bench.race(send_late, sent, hands=1), [[True] * JOBS], "what the current attempts send")


@law("G8")
def several_that_repeat_an_end_agree(bench: Bench) -> None:
    """Several that write the same ends at once hear no refusal; each end is written once."""
    bench.push_many(JOBS)
    claims = bench.claim(JOBS)
    follow = [bench.message(queue="children") for _ in claims]
    ends = [(c, outcome.succeeded(b"1", (f,))) for c, f in zip(claims, follow, strict=True)]
    same(bench.race(repeat_ends, ends, hands=HANDS), [0] * HANDS, "how many were refused")
    same(bench.count(State.SUCCEEDED), JOBS, "how many succeeded")
    same(bench.count(State.READY, "children"), JOBS, "how many follow")


@law("G15")
def no_order_is_lost_in_a_beat(bench: Bench) -> None:
    """Orders given while workers beat are all heard afterwards."""
    workers = [f"w{n}" for n in range(20)]
    bench.engine.beat([Report(worker=worker) for worker in workers])
    given, *_ = bench.race(order_or_beat, workers, hands=HANDS)
    same(given, [True] * len(workers), "the answers")
    heard = bench.engine.beat([Report(worker=worker, beats=99) for worker in workers]).orders
    same(heard, dict.fromkeys(workers, "quiet"), "what is heard")


@law("G7")
def an_order_revives_nobody(bench: Bench) -> None:
    """Workers that are retired while they are given orders, and beat, are retired for good."""
    workers = [f"w{n}" for n in range(20)]
    bench.engine.beat([Report(worker=worker) for worker in workers])
    bench.race(order_or_retire, workers, hands=HANDS)
    heard = bench.engine.beat([Report(worker=worker, beats=99) for worker in workers])
    same((heard.retired, heard.orders), (set(workers), {}), "what is heard")
    same((bench.engine.workers(), bench.engine.order("w0", "stop")), ([], False), "who lives")


@law("G14")
def what_is_to_end_ends(bench: Bench) -> None:
    """Jobs whose end is asked for while workers claim them end as cancelled, and none waits for ever."""
    ids = bench.push_many(JOBS)
    bench.race(terminate_or_work, ids, hands=HANDS)
    left = {bench.state(id) for id in ids}
    same(left, {State.CANCELLED}, "the states")
    same(bench.count(State.CANCELLED), JOBS, "how many are counted")
