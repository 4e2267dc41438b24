"""What schedules promise: each due moment fires once."""

from __future__ import annotations

import msgspec

from cardoon.model import clock
from cardoon.model.job import Schedule
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import Broken, same
from cardoon.testing.conformance.law import law
from cardoon.testing.conformance.laws_payloads import NAMES

NIGHT = Schedule(name="nightly", next_due=1_700_000_000.123456, data=b"\x00rule\xff")


@law("G10")
def a_schedule_is_kept(bench: Bench) -> None:
    """A schedule comes back as it was written, an exact moment and any bytes included."""
    same(bench.engine.save_schedule(NIGHT), True, "the answer")
    off = Schedule(name="off", enabled=False)
    bench.engine.save_schedule(off)
    same(bench.engine.schedules(), [NIGHT, off], "the schedules")


@law("G10")
def schedules_are_told_by_name(bench: Bench) -> None:
    """Schedules are told in the order of their names, whatever these are."""
    for name in NAMES:
        bench.engine.save_schedule(Schedule(name=name))
    same([s.name for s in bench.engine.schedules()], sorted(NAMES), "the names")


@law("G10")
def saving_overwrites(bench: Bench) -> None:
    """A schedule that is saved again is changed."""
    bench.engine.save_schedule(NIGHT)
    changed = Schedule(name="nightly", next_due=5.0, enabled=False, data=b"new")
    same(bench.engine.save_schedule(changed), True, "the answer")
    same(bench.engine.schedules(), [changed], "the schedules")


@law("G10")
def seeding_does_not_overwrite(bench: Bench) -> None:
    """With `seed` a schedule is written only where it is absent, so that an operator's change stays."""
    same(bench.engine.save_schedule(NIGHT, seed=True), True, "the first answer")
    changed = Schedule(name="nightly", next_due=5.0)
    same(bench.engine.save_schedule(changed, seed=True), False, "the second answer")
    same(bench.engine.schedules(), [NIGHT], "the schedules")


@law("G10")
def a_schedule_can_be_dropped(bench: Bench) -> None:
    """A dropped schedule is gone and fires no more; dropping tells whether it was there."""
    bench.engine.save_schedule(NIGHT)
    same([bench.engine.drop_schedule("nightly") for _ in range(2)], [True, False], "the answers")
    same(bench.engine.schedules(), [], "the schedules")
    fired = bench.engine.fire_due("nightly", NIGHT.next_due or 0.0, None, [bench.message()])
    same((fired, bench.claim()), (False, []), "fired, and claimed")


@law("G10")
def a_due_moment_fires_once(bench: Bench) -> None:
    """The first to fire a due moment pushes its jobs and moves on; all others push nothing."""
    bench.engine.save_schedule(NIGHT)
    due = NIGHT.next_due or 0.0
    messages = [bench.message(), bench.message()]
    same(bench.engine.fire_due("nightly", due, due + 60, messages), True, "the first")
    late = [bench.message()]
    same(bench.engine.fire_due("nightly", due, due + 60, late), False, "the second")
    same(bench.claim_ids(), [m.id for m in messages], "the jobs")
    same([s.next_due for s in bench.engine.schedules()], [due + 60], "the next moment")


@law("G10")
def the_rest_of_a_schedule_stays(bench: Bench) -> None:
    """Firing changes the next moment and nothing else of a schedule."""
    bench.engine.save_schedule(NIGHT)
    bench.engine.fire_due("nightly", NIGHT.next_due or 0.0, 7.5, [])
    same(bench.engine.schedules(), [Schedule(name="nightly", next_due=7.5, data=NIGHT.data)], "the schedules")


@law("G10")
def a_last_moment_ends_a_schedule(bench: Bench) -> None:
    """A schedule without a next moment fires no more."""
    bench.engine.save_schedule(NIGHT)
    due = NIGHT.next_due or 0.0
    bench.engine.fire_due("nightly", due, None, [bench.message()])
    same([s.next_due for s in bench.engine.schedules()], [None], "the next moment")
    same(bench.engine.fire_due("nightly", due, None, [bench.message()]), False, "firing again")


@law("G10")
def a_disabled_schedule_does_not_fire(bench: Bench) -> None:
    """A schedule that an operator disabled a moment ago fires no more, until it is enabled again."""
    due = NIGHT.next_due or 0.0
    bench.engine.save_schedule(msgspec.structs.replace(NIGHT, enabled=False))
    same(bench.engine.fire_due("nightly", due, due + 60, [bench.message()]), False, "firing while disabled")
    bench.engine.save_schedule(NIGHT)
    same(bench.engine.fire_due("nightly", due, due + 60, [bench.message()]), True, "firing once enabled")


@law("G10")
def a_moment_that_was_moved_does_not_fire(bench: Bench) -> None:
    """After an operator moved the next moment the old one fires no more."""
    bench.engine.save_schedule(NIGHT)
    due = NIGHT.next_due or 0.0
    bench.engine.save_schedule(Schedule(name="nightly", next_due=due + 1))
    same(bench.engine.fire_due("nightly", due, due + 60, [bench.message()]), False, "the old moment")
    same((bench.claim(), bench.engine.schedules()[0].next_due), ([], due + 1), "jobs, and the next moment")


@law("G10")
def an_unknown_schedule_fires_nothing(bench: Bench) -> None:
    """A schedule that is not there does not fire, and is not made."""
    same(bench.engine.fire_due("unknown", 1.0, 2.0, [bench.message()]), False, "the answer")
    same((bench.claim(), bench.engine.schedules()), ([], []), "jobs and schedules")


@law("G10")
def jobs_of_a_schedule_are_jobs(bench: Bench) -> None:
    """Fired messages may be delayed; a known id makes no second job, and the moment is done."""
    known = bench.message()
    bench.engine.push([known])
    bench.engine.save_schedule(NIGHT)
    due, later = NIGHT.next_due or 0.0, bench.message(due=clock.now() + 60)
    same(bench.engine.fire_due("nightly", due, due + 60, [known, later]), True, "the answer")
    same((bench.claim_ids(), bench.state(later.id)), ([known.id], State.DELAYED), "the jobs")


@law("G10")
def a_moment_fires_whole_or_not(bench: Bench) -> None:
    """If one of its messages cannot be stored nothing is pushed and the moment is still due."""
    bench.engine.save_schedule(NIGHT)
    due, good = NIGHT.next_due or 0.0, bench.message()
    try:
        bench.engine.fire_due("nightly", due, due + 60, [good, bench.message(args=["\ud800"])])
    except (UnicodeError, ValueError):
        same((bench.claim(), bench.engine.schedules()), ([], [NIGHT]), "jobs and schedules")
        same(bench.engine.fire_due("nightly", due, due + 60, [good]), True, "firing it rightly")
        return
    raise Broken("a lone surrogate was stored")
