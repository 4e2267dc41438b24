"""What holds when a process is killed, at whatever it is doing."""

from __future__ import annotations

import os
from functools import partial

from cardoon.engines.contract import Engine
from cardoon.engines.silence import boot_id, host, process_start
from cardoon.model import clock, outcome
from cardoon.model.job import Claim, Filter, Report
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, same, until
from cardoon.testing.conformance.law import law

NEEDS = ("shared", "durable")


def hold(engine: Engine, hand: int, count: int) -> list[Claim]:
    """Beat and claim as a worker of this process, take a lock, and answer; the process is killed then."""
    pid = os.getpid()
    report = Report(
        worker="doomed", host=host(), boot=boot_id(), pid=pid, pid_started=process_start(pid), beats=1
    )
    engine.beat([report])
    engine.acquire("door", "doomed job", worker="doomed")
    return engine.claim("doomed", None, count)


def work_on(engine: Engine, hand: int) -> None:
    """Claim and settle one by one for ever."""
    while True:
        for claim in engine.claim("doomed", None, 1):
            engine.settle([(claim, outcome.succeeded(b"1"))])


def push_on(engine: Engine, hand: int, size: int) -> None:
    """Push batches for ever; a batch's size is written into each of its messages."""
    while True:
        root = clock.new_id()
        engine.push([Message(id=clock.new_id(), task="t", parent=root) for _ in range(size)])


@law("G7", needs=NEEDS)
def jobs_of_a_killed_process_wait_again(bench: Bench) -> None:
    """Killed between claim and settle, a worker's jobs wait again once it is retired; its lock is free."""
    ids = bench.push_many(3)
    hand = bench.hire()
    hand.begin(bench.url, hold, 3)
    claims = hand.answer()
    hand.kill()
    same([bench.state(id) for id in ids], [State.RUNNING] * 3, "the states after the kill")
    same(sorted(bench.engine.retire("doomed").returned), sorted(ids), "what is returned")
    same([bench.end(claim, outcome.succeeded(None)) for claim in claims], [False] * 3, "its late ends")
    holds(bench.engine.acquire("door", "heir"), "the lock is free")
    for id in ids:
        bench.end(bench.claim_one(id, worker="heir"), outcome.succeeded(None))


@law("G3", needs=NEEDS)
def what_a_killed_process_ran_is_settled_for_it(bench: Bench) -> None:
    """Who knows how a killed process ended settles its jobs by what it `held`, before it is retired."""
    bench.push_many(2)
    hand = bench.hire()
    hand.begin(bench.url, hold, 2)
    claims = hand.answer()
    hand.kill()
    held = bench.engine.held("doomed")
    same(held, claims, "what it held")
    too_long = outcome.failed(ErrorReport(type="TimeLimitExceeded"))
    same(bench.engine.settle([(held[0], too_long), (held[1], outcome.returned())]), [], "those refused")
    retired = bench.engine.retire("doomed", crashed=True, evidence="exit 1")
    same((retired.returned, retired.quarantined), ([], []), "what is left to retire")
    same([bench.state(c.id) for c in held], [State.FAILED, State.READY], "the states")
    same(bench.job(held[1].id).crashes, 0, "the crashes of the other")


@law("G7", needs=NEEDS)
def a_killed_process_is_found_by_a_sweep(bench: Bench) -> None:
    """On the same host the first sweep after a kill gives the jobs back."""
    ids = bench.push_many(2)
    hand = bench.hire()
    hand.begin(bench.url, hold, 2)
    hand.answer()
    same(bench.engine.sweep().dead, {}, "who is dead before the kill")
    hand.kill()
    if boot_id():
        same(list(bench.engine.sweep().dead), ["doomed"], "who is dead after it")
        same([bench.state(id) for id in ids], [State.READY] * 2, "the states")


@law("G1", needs=NEEDS)
def a_kill_at_work_loses_and_doubles_nothing(bench: Bench) -> None:
    """Killed at any moment of its work, a worker leaves each job either ended or to be run again."""
    ids = bench.push_many(2_000)
    hand = bench.hire()
    hand.begin(bench.url, work_on)
    until(lambda: bench.count(State.SUCCEEDED) >= 20, "it has done some jobs")
    hand.kill()
    returned = bench.engine.retire("doomed").returned
    holds(len(returned) <= 1, f"at most the one job in its hands is returned, not {len(returned)}")
    done = bench.count(State.SUCCEEDED)  # not sooner: the server may have been at the dead one's last verb
    same((bench.count(State.READY), bench.count(State.RUNNING)), (2_000 - done, 0), "what waits, what runs")
    while claims := bench.claim(500, worker="heir"):
        bench.engine.settle([(claim, outcome.succeeded(b"2")) for claim in claims])
    same((bench.count(State.SUCCEEDED), len(ids)), (2_000, 2_000), "how many succeeded in the end")


@law("G1", needs=NEEDS)
def a_kill_at_a_push_leaves_whole_batches(bench: Bench) -> None:
    """Killed at any moment of its pushing, a process leaves batches that are whole or not there."""
    hand = bench.hire()
    hand.begin(bench.url, push_on, 37)
    until(lambda: bench.count(State.READY) >= 37 * 5, "it has pushed some batches")
    hand.kill()
    same(bench.count(State.READY) % 37, 0, "jobs beyond whole batches")
    newest = bench.engine.find(Filter(), limit=37).jobs
    same(len({job.parent for job in newest}), 1, "how many batches the newest jobs are from")


def _differs(bench: Bench, ready: int) -> bool:
    return bench.count(State.READY) != ready


@law("G16", needs=NEEDS)
def a_kill_blocks_nobody(bench: Bench) -> None:
    """After several processes were killed at work the engine works on at once."""
    bench.push_many(3_000)
    for n in range(3):
        hand = bench.hire()
        hand.begin(bench.url, push_on if n % 2 else work_on, *([5] if n % 2 else []))
        until(partial(_differs, bench, bench.count(State.READY)), "it is at work")
        hand.kill()
    before = clock.monotonic()
    bench.push(priority=0)
    same(len(bench.claim(worker="heir")), 1, "how many are claimed")
    holds(clock.monotonic() - before < 5.0, "nobody had to wait for the dead")
