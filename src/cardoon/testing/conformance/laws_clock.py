"""What holds while the wall clock jumps. The engine reads the clock that the law moves."""

from __future__ import annotations

from cardoon.model import clock, outcome
from cardoon.model.job import Schedule
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law

HOUR = 3600.0
INTERVAL = 60.0
"""Seconds between two tokens: far more than a law takes, so that none comes back meanwhile."""
NEEDS = ("clock",)


@law("G7", needs=NEEDS)
def a_jump_reruns_nothing(bench: Bench) -> None:
    """A clock that jumps by an hour, forward or back, starts no running job again."""
    claim = bench.running()
    for jump in (HOUR, -2 * HOUR, HOUR * 1000):
        bench.clock.jump(jump)
        bench.engine.sweep()
        same(
            (bench.claim(5, worker="bea"), bench.engine.owns(claim)), ([], True), f"after a jump of {jump} s"
        )
    same(bench.end(claim, outcome.succeeded(b"1")), True, "its end")


@law("G3", needs=NEEDS)
def a_jump_forward_makes_due(bench: Bench) -> None:
    """What fell due within a jump forward is claimed after it."""
    id = bench.push(due=clock.now() + HOUR / 2)
    bench.clock.jump(HOUR)
    bench.claim_one(id)


@law("G3", needs=NEEDS)
def a_jump_back_loses_nothing(bench: Bench) -> None:
    """A ready job stays ready when the clock jumps back, and a delayed one comes at its moment."""
    ready, delayed = bench.push(), bench.push(due=clock.now() + 60)
    bench.clock.jump(-HOUR)
    same(bench.claim_ids(), [ready], "what is claimed after the jump")
    bench.clock.jump(HOUR)
    same(bench.claim_ids(), [], "what is claimed at the old time")
    bench.clock.jump(61)
    same(bench.claim_ids(), [delayed], "what is claimed when it is due")


@law("G3", needs=NEEDS)
def what_was_promoted_stays_promoted(bench: Bench) -> None:
    """A job that fell due is claimed though the clock jumps back behind its `due`."""
    id = bench.push(due=clock.now() + 60)
    bench.clock.jump(61)
    bench.engine.sweep()
    bench.clock.jump(-HOUR)
    bench.claim_one(id)


@law("G13", needs=NEEDS)
def order_is_not_the_clocks(bench: Bench) -> None:
    """Jobs pushed after a jump back stand behind those pushed before it."""
    ids = []
    for jump in (0.0, -HOUR, HOUR * 2, -HOUR * 3):
        bench.clock.jump(jump)
        ids.append(bench.push())
    same(bench.claim_ids(), ids, "the order")


@law("G14", needs=NEEDS)
def expiry_goes_by_the_engines_clock(bench: Bench) -> None:
    """A job expires when the engine's clock has passed its `expires`."""
    id = bench.push(expires=clock.now() + 60)
    bench.clock.jump(HOUR)
    same((bench.claim(), bench.state(id)), ([], State.EXPIRED), "the claim, and its state")
    bench.clock.jump(-HOUR)
    same((bench.claim(), bench.state(id)), ([], State.EXPIRED), "the same after a jump back")


@law("G9", needs=NEEDS)
def lock_numbers_are_not_the_clocks(bench: Bench) -> None:
    """Numbers of a lock grow though the clock jumps back."""
    numbers = []
    for jump in (0.0, -HOUR, HOUR, -HOUR * 2):
        bench.clock.jump(jump)
        numbers.append(given(bench.engine.acquire("door", "ada"), "the number"))
        bench.engine.release("door", "ada")
    holds(numbers == sorted(set(numbers)), f"the numbers grow: {numbers}")


@law("G9", needs=NEEDS)
def a_lock_without_end_outlives_any_jump(bench: Bench) -> None:
    """A lock held without `seconds` is held whatever the clock says."""
    bench.engine.acquire("door", "ada")
    bench.clock.jump(HOUR * 24 * 3660)
    bench.engine.sweep()
    same(bench.engine.acquire("door", "bea"), None, "what another owner gets")


@law("G9", needs=NEEDS)
def a_lock_is_held_for_its_time(bench: Bench) -> None:
    """A lock is held for its seconds, renewed for more, and free after them."""
    first = given(bench.engine.acquire("door", "ada", seconds=600), "the number")
    bench.clock.jump(500)
    same(bench.engine.acquire("door", "bea", seconds=600), None, "what another gets within them")
    same(bench.engine.renew("door", "ada", seconds=600), True, "renewing within them")
    bench.clock.jump(500)
    same(bench.engine.acquire("door", "bea"), None, "what another gets within the new ones")
    bench.clock.jump(101)
    second = given(bench.engine.acquire("door", "bea"), "the number of the next owner")
    holds(second > first, f"{second} is greater than {first}")
    same(bench.engine.renew("door", "ada", seconds=60), False, "renewing after them")


@law("G20", needs=NEEDS)
def a_rate_comes_back_with_time(bench: Bench) -> None:
    """After the seconds that `take` told there is a token; idle time fills no more than the burst."""
    same([_take(bench) for _ in range(3)], [0.0] * 3, "the burst")
    wait = _take(bench)
    holds(0.0 < wait <= INTERVAL, f"the wait is at most one interval: {wait}")
    bench.clock.jump(wait + 0.001)
    same(_take(bench), 0.0, "after the wait")
    holds(_take(bench) > 0.0, "and no second token")
    bench.clock.jump(HOUR)
    same([_take(bench) for _ in range(3)], [0.0] * 3, "the burst after an hour")
    holds(_take(bench) > 0.0, "and no more")


@law("G20", needs=NEEDS)
def a_jump_back_blocks_no_rate(bench: Bench) -> None:
    """A clock that jumps back makes nobody wait longer than an empty bucket would."""
    for _ in range(4):
        _take(bench)
    bench.clock.jump(-HOUR)
    holds(_take(bench) <= 4 * INTERVAL, "the wait is bounded by the burst")


def _take(bench: Bench) -> float:
    return bench.engine.take("mails", per_second=1 / INTERVAL, burst=3)


@law("G10", needs=NEEDS)
def a_moment_does_not_fire_twice_when_the_clock_goes_back(bench: Bench) -> None:
    """A due moment that has fired does not fire again after a jump back."""
    due = clock.now()
    bench.engine.save_schedule(Schedule(name="nightly", next_due=due))
    same(bench.engine.fire_due("nightly", due, due + 60, [bench.message()]), True, "the first time")
    bench.clock.jump(-HOUR)
    same(bench.engine.fire_due("nightly", due, due + 60, [bench.message()]), False, "the second time")
    same(len(bench.claim(5)), 1, "how many jobs")
