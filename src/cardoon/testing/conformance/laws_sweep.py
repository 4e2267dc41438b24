"""What `sweep` promises: what is due comes, who is dead is found, who lives is left alone."""

from __future__ import annotations

import os
import subprocess
import sys

from cardoon.engines.contract import SILENCE_OBSERVATIONS, SILENCE_SECONDS, Engine, Retired
from cardoon.engines.silence import boot_id, host, process_start
from cardoon.model import clock, outcome
from cardoon.model.job import Report
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import given, holds, same
from cardoon.testing.conformance.law import law

YEARS = 10 * 366 * 86_400.0
ROUND = SILENCE_SECONDS / SILENCE_OBSERVATIONS
"""Seconds between two looks of a sweeper here; so many that silence shows after a few rounds."""


def _watch(bench: Bench, rounds: int, beating: tuple[str, ...] = ()) -> dict[str, Retired]:
    """Sweep for so many rounds while some workers beat: all that were found dead."""
    dead: dict[str, Retired] = {}
    for n in range(rounds):
        for worker in beating:
            bench.beat(worker, 100 + n)
        dead.update(bench.engine.sweep().dead)
        bench.clock.live(ROUND)
    return dead


@law("G7")
def a_sweep_promotes_what_is_due(bench: Bench) -> None:
    """A sweep makes delayed and retried jobs ready when they are due, and tells how many."""
    claim = bench.running()
    soon = clock.now() + 0.02
    bench.end(claim, outcome.retrying(soon, None))
    delayed, later = bench.push(due=soon), bench.push(due=soon + 3600)
    same(bench.engine.sweep().due in (0, 1, 2), True, "the first sweep")
    bench.clock.jump(1)
    bench.engine.sweep()
    states = [bench.state(id) for id in (claim.id, delayed, later)]
    same(states, [State.READY, State.READY, State.DELAYED], "the states")
    same(bench.engine.sweep().due, 0, "what a further sweep promotes")


@law("G14")
def a_sweep_ends_what_expired(bench: Bench) -> None:
    """A sweep ends waiting jobs whose `expires` has passed, and tells how many."""
    past = clock.now() - 1
    ids = [bench.push(expires=past), bench.push(expires=past, due=clock.now() + 60)]
    kept = bench.push(expires=clock.now() + 3600)
    same(bench.engine.sweep().expired, 2, "how many")
    same([bench.state(id) for id in ids], [State.EXPIRED] * 2, "their states")
    same(
        (bench.state(kept), bench.engine.sweep().expired), (State.READY, 0), "the other, and a further sweep"
    )
    same(bench.count(State.EXPIRED), 2, "the count")


@law("G7")
def a_silent_worker_is_dead(bench: Bench) -> None:
    """A worker whose beats stand still before the sweeper's own eyes is retired; its jobs wait again."""
    bench.beat("ada")
    claim = bench.running(worker="ada")
    dead = _watch(bench, SILENCE_OBSERVATIONS + 3)
    same({worker: r.returned for worker, r in dead.items()}, {"ada": [claim.id]}, "who was found dead")
    same((bench.engine.workers(), bench.beat("ada", 2)), ([], {"ada"}), "the workers, and its next beat")
    same((bench.engine.owns(claim), bench.state(claim.id)), (False, State.READY), "its claim and its job")


@law("G7")
def a_worker_that_never_beat_can_die(bench: Bench) -> None:
    """A worker that died between its first claim and its first beat is found silent, too."""
    claim = bench.running(worker="ada")
    _watch(bench, SILENCE_OBSERVATIONS + 3)
    same(bench.state(claim.id), State.READY, "the state of its job")


@law("G7")
def a_beating_worker_lives(bench: Bench) -> None:
    """A worker that beats is never retired, however long its job runs."""
    bench.beat("ada")
    claim = bench.running(worker="ada")
    same(_watch(bench, 30, beating=("ada",)), {}, "who was found dead")
    same(bench.end(claim, outcome.succeeded(None)), True, "its end")


@law("G7")
def only_the_silent_one_dies(bench: Bench) -> None:
    """Among several workers the silent one is retired and no other."""
    bench.beat("ada")
    bench.beat("bea")
    silent, beating = bench.running(worker="ada"), bench.running(worker="bea")
    same(list(_watch(bench, SILENCE_OBSERVATIONS + 3, beating=("bea",))), ["ada"], "who was found dead")
    same((bench.engine.owns(silent), bench.engine.owns(beating)), (False, True), "who owns its job")


@law("G7")
def a_few_looks_prove_nothing(bench: Bench) -> None:
    """A worker is not dead for what happened between two looks, however far they are apart."""
    bench.beat("ada")
    claim = bench.running(worker="ada")
    for _ in range(SILENCE_OBSERVATIONS + 3):
        bench.clock.live(SILENCE_SECONDS * 100)
        same(bench.engine.sweep().dead, {}, "who was found dead")
    same(bench.engine.owns(claim), True, "that it owns its job")


@law("G7")
def a_wall_clock_kills_nobody(bench: Bench) -> None:
    """A wall clock that jumps by years, forward and back, retires nobody."""
    bench.beat("ada")
    claim = bench.running(worker="ada")
    for jump in (YEARS, -2 * YEARS, YEARS / 2, 0.0) * 3:
        bench.clock.jump(jump)
        same(bench.engine.sweep().dead, {}, "who was found dead")
    same(bench.engine.owns(claim), True, "that it owns its job")


@law("G7")
def a_proof_is_enough(bench: Bench) -> None:
    """A worker whose process is gone from this host is retired by the first sweep."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    report = _report_of(process.pid)
    bench.engine.beat([report])
    claim = bench.running(worker=report.worker)
    same(bench.engine.sweep().dead, {}, "who is dead while the process lives")
    process.kill()
    process.communicate()
    if not boot_id():
        return
    same(list(bench.engine.sweep().dead), [report.worker], "who is dead")
    same(bench.state(claim.id), State.READY, "the state of its job")


def _report_of(pid: int) -> Report:
    return Report(
        worker="of a process", host=host(), boot=boot_id(), pid=pid, pid_started=process_start(pid), beats=1
    )


@law("G7")
def a_living_process_is_not_proven_dead(bench: Bench) -> None:
    """A worker whose process lives is left alone by sweeps that see it for the first time."""
    bench.engine.beat([_report_of(os.getpid())])
    same(bench.engine.sweep().dead, {}, "who is dead")


@law("G1")
def a_sweep_of_nothing_is_nothing(bench: Bench) -> None:
    """Sweeping an engine where nothing is to be done changes no job."""
    running, ready, delayed = bench.running(), bench.push(), bench.push(due=clock.now() + 60)
    before = [bench.job(id) for id in (running.id, ready, delayed)]
    for _ in range(3):
        swept = bench.engine.sweep()
        same((swept.due, swept.expired, swept.forgotten, swept.dead), (0, 0, 0, {}), "what was done")
    same([bench.job(id) for id in (running.id, ready, delayed)], before, "the jobs")


@law("G1", needs=("clock",))
def old_jobs_are_forgotten(bench: Bench) -> None:
    """Sweeps forget jobs that ended long ago; their ids are free again."""
    job = bench.finished(outcome.succeeded(b"1"))
    bench.clock.live(YEARS)
    same(_forget(bench.engine, bench), 1, "how many")
    same((bench.engine.result(job.id), bench.engine.attempts(job.id)), (None, []), "what is known of it")
    same(bench.engine.push([bench.message(id=job.id)]), [True], "pushing its id")


@law("G1", needs=("clock",))
def what_has_not_ended_is_never_forgotten(bench: Bench) -> None:
    """However old, a job that has not ended stays: ready, delayed, parked, retrying or running."""
    parked, retrying, running = bench.running(), bench.running(), bench.running()
    bench.end(parked, outcome.parked("unknown"))
    bench.end(retrying, outcome.retrying(clock.now() + 60, None))
    ids = [parked.id, retrying.id, running.id, bench.push(), bench.push(due=clock.now() + 60)]
    bench.clock.jump(YEARS)
    same(_forget(bench.engine, bench), 0, "how many")
    holds(all(not given(bench.engine.result(id), id).final for id in ids), "all are there and not final")


def _forget(engine: Engine, bench: Bench) -> int:
    """Sweep until a whole round forgets nothing; an engine may forget a few at a time, at leisure."""
    total, idle = 0, 0
    while idle < 3:
        forgotten = engine.sweep().forgotten
        total += forgotten
        idle = 0 if forgotten else idle + 1
        bench.clock.live(30)
    return total
