"""What `acquire`, `renew` and `release` promise: at most one holder, and a number that only grows."""

from __future__ import annotations

from cardoon.model import clock
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import given, holds, same, until
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.laws_payloads import NAMES


def _number(bench: Bench, name: str = "door", owner: str = "ada", worker: str = "") -> int:
    return given(bench.engine.acquire(name, owner, worker=worker), f"the number of {owner}")


@law("G9")
def one_holder(bench: Bench) -> None:
    """A lock that is held is held by one owner; others get None."""
    _number(bench)
    same([bench.engine.acquire("door", owner) for owner in ("bea", "eve")], [None, None], "what others get")


@law("G9")
def the_holder_is_known(bench: Bench) -> None:
    """The same owner gets its number again, and one release frees it."""
    first = _number(bench)
    same((_number(bench), _number(bench)), (first, first), "the numbers")
    same(
        (bench.engine.release("door", "ada"), bench.engine.release("door", "ada")), (True, False), "releases"
    )
    holds(_number(bench, owner="bea") > first, "the next number is greater")


@law("G9")
def nobody_else_frees_it(bench: Bench) -> None:
    """A release by another owner is refused and changes nothing."""
    _number(bench)
    same(bench.engine.release("door", "bea"), False, "the answer to another")
    same(bench.engine.release("window", "ada"), False, "the answer for another name")
    same(bench.engine.acquire("door", "bea"), None, "what another gets")


@law("G9")
def numbers_only_grow(bench: Bench) -> None:
    """Each new hold has a greater number than every one before, by whatever way that ended."""
    numbers = [_number(bench)]
    bench.engine.release("door", "ada")
    numbers.append(_number(bench, owner="bea", worker="w1"))
    bench.engine.retire("w1")
    numbers.append(given(bench.engine.acquire("door", "eve", seconds=0.02), "a number"))
    numbers.append(until(lambda: bench.engine.acquire("door", "ada"), "the lock is free"))
    bench.engine.release("door", "ada")
    numbers.append(_number(bench))
    holds(numbers == sorted(set(numbers)), f"the numbers grow: {numbers}")


@law("G9")
def a_semaphore_has_its_slots(bench: Bench) -> None:
    """With `slots` so many owners hold it at once, each with its own number."""
    numbers = [bench.engine.acquire("pool", f"o{n}", slots=3) for n in range(4)]
    same((numbers[3], len({*numbers[:3]} - {None})), (None, 3), "the fourth, and the numbers of the others")
    bench.engine.release("pool", "o1")
    fourth = given(bench.engine.acquire("pool", "o3", slots=3), "a free slot")
    holds(fourth > max(n or 0 for n in numbers), "its number is the greatest")
    same(bench.engine.acquire("pool", "o1", slots=3), None, "what the next one gets")


@law("G9")
def a_lock_ends_with_its_time(bench: Bench) -> None:
    """After its seconds another owner gets the lock, and the first one neither renews nor frees it."""
    bench.engine.acquire("door", "ada", seconds=0.03)
    until(lambda: bench.engine.acquire("door", "bea"), "the lock is free")
    same(bench.engine.renew("door", "ada", seconds=60), False, "renewing by the first")
    same(bench.engine.release("door", "ada"), False, "releasing by the first")
    same(bench.engine.acquire("door", "eve"), None, "what a third one gets")


@law("G9")
def what_ran_out_is_not_held(bench: Bench) -> None:
    """A hold that ran out is neither renewed nor released, even while nobody else took the lock."""
    end = clock.now() + 0.03
    bench.engine.acquire("door", "ada", seconds=0.03)
    until(lambda: clock.now() > end + 0.01, "its time is over")
    same(bench.engine.renew("door", "ada", seconds=60), False, "renewing")
    same(bench.engine.release("door", "ada"), False, "releasing")


@law("G9", needs=("clock",))
def renewing_holds_on(bench: Bench) -> None:
    """A renewed lock is held beyond its first seconds."""
    first = given(bench.engine.acquire("door", "ada", seconds=60), "the number")
    same(bench.engine.renew("door", "ada", seconds=600), True, "renewing")
    bench.clock.jump(61)
    same((bench.engine.acquire("door", "bea"), _number(bench)), (None, first), "what another and itself get")


@law("G9")
def nobody_renews_what_it_does_not_hold(bench: Bench) -> None:
    """Renewing a lock that another holds, or nobody, is refused."""
    same(bench.engine.renew("door", "ada", seconds=60), False, "a free one")
    _number(bench)
    same(bench.engine.renew("door", "bea", seconds=60), False, "one that another holds")


@law("G9")
def locks_of_the_dead_are_free(bench: Bench) -> None:
    """Retiring a worker frees what it holds, and nothing else, whether it crashed or not."""
    for crashed in (True, False):
        worker = f"crashed {crashed}"
        for name, owner, holder in (
            ("a", "x", worker),
            ("b", "y", worker),
            ("c", "z", "other"),
            ("d", "u", ""),
        ):
            given(bench.engine.acquire(f"{name} {worker}", owner, worker=holder), "the number")
        bench.engine.retire(worker, crashed=crashed)
        got = [bench.engine.acquire(f"{name} {worker}", "new") is not None for name in "abcd"]
        same(got, [True, True, False, False], "which are free")


@law("G9")
def a_retired_worker_takes_no_lock(bench: Bench) -> None:
    """A worker that was retired gets no lock, as nobody would free it."""
    bench.beat("ada")
    bench.engine.retire("ada")
    same(bench.engine.acquire("door", "late", worker="ada"), None, "what it gets")
    _number(bench, owner="bea")


@law("G9")
def names_and_owners_are_any_text(bench: Bench) -> None:
    """Locks with odd names and odd owners are apart from each other."""
    for name in NAMES:
        _number(bench, name, name)
    for name in NAMES:
        same(bench.engine.acquire(name, "other"), None, f"what another gets of {name!r}")
        same(bench.engine.release(name, name), True, f"releasing {name!r}")


@law("G9", needs=("shared",))
def a_lock_is_everywhere(bench: Bench) -> None:
    """A lock holds for every engine object on the same place, and numbers grow across them."""
    first, other = _number(bench), bench.again()
    same((other.acquire("door", "bea"), other.acquire("door", "ada")), (None, first), "what others get there")
    same(other.release("door", "ada"), True, "releasing there")
    holds(given(other.acquire("door", "bea"), "a number") > first, "the number is greater")


@law("G9", needs=("durable",))
def numbers_outlive_the_engine(bench: Bench) -> None:
    """The number of a lock grows on after everything was closed and opened again."""
    first = _number(bench)
    bench.engine.release("door", "ada")
    bench.engine.close()
    holds(given(bench.again().acquire("door", "bea"), "a number") > first, "the number is greater")
