"""What `take` and `arrive` promise."""

from __future__ import annotations

from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, same, until
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.laws_payloads import NAMES


@law("G20")
def a_burst_is_granted_at_once(bench: Bench) -> None:
    """A bucket grants its burst at once, then tells how long to wait, without granting."""
    slow = 1 / 3600
    got = [bench.engine.take("mails", per_second=slow, burst=3) for _ in range(5)]
    same(got[:3], [0.0] * 3, "the burst")
    holds(all(3000 < wait <= 3600 for wait in got[3:]), f"the waits are one interval: {got[3:]}")


@law("G20")
def a_burst_is_one_unless_told(bench: Bench) -> None:
    """Without `burst` one token is there at first."""
    same(bench.engine.take("mails", per_second=0.001), 0.0, "the first")
    holds(bench.engine.take("mails", per_second=0.001) > 900, "the second waits")


@law("G20")
def tokens_come_back(bench: Bench) -> None:
    """After the time it told there is a token again."""
    for _ in range(2):
        bench.engine.take("mails", per_second=20.0)
    until(lambda: bench.engine.take("mails", per_second=20.0) == 0.0, "there is a token")


@law("G20")
def buckets_are_apart(bench: Bench) -> None:
    """One empty bucket makes nobody wait at another, whatever its name."""
    same([bench.engine.take(name, per_second=0.001) for name in NAMES], [0.0] * len(NAMES), "the answers")


@law("G20", needs=("shared",))
def a_rate_is_everywhere(bench: Bench) -> None:
    """A rate holds for every engine object on the same place together."""
    bench.engine.take("mails", per_second=0.001)
    holds(bench.again().take("mails", per_second=0.001) > 900, "another object waits")


@law("G2")
def a_barrier_completes_once(bench: Bench) -> None:
    """The arrival of the last missing member is told, and no other."""
    got = [bench.engine.arrive("chord", member, of=3) for member in "abc"]
    same(got, [False, False, True], "the answers")


@law("G2")
def a_member_arrives_once(bench: Bench) -> None:
    """A member that arrives again, before or after the end, completes nothing."""
    got = [bench.engine.arrive("chord", member, of=2) for member in ("a", "a", "a", "b", "b", "a")]
    same(got, [False, False, False, True, False, False], "the answers")


@law("G2")
def a_barrier_of_one(bench: Bench) -> None:
    """A barrier of one member is complete with it."""
    same([bench.engine.arrive("alone", "a", of=1) for _ in range(2)], [True, False], "the answers")


@law("G2")
def barriers_are_apart(bench: Bench) -> None:
    """Members of one barrier do not count for another, whatever its name."""
    for name in NAMES:
        same(bench.engine.arrive(name, "a", of=2), False, f"the first at {name!r}")
    for name in NAMES:
        same(bench.engine.arrive(name, name, of=2), True, f"the second at {name!r}")


@law("G2")
def a_large_barrier_completes(bench: Bench) -> None:
    """Of two hundred members the last one completes the barrier."""
    got = [bench.engine.arrive("chord", f"m{n % 200}", of=200) for n in range(400)]
    same([n for n, complete in enumerate(got) if complete], [199], "the arrivals that completed it")
