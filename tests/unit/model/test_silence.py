from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from math import inf

import msgspec
import pytest
from samples import FakeClock

from cardoon.engines import silence
from cardoon.engines.silence import Silence, proven_dead
from cardoon.model.job import Report
from cardoon.testing import faults

needs_proc = pytest.mark.skipif(not silence.boot_id(), reason="death is proven by /proc")


def local(pid: int, worker: str = "w") -> Report:
    return Report(
        worker=worker,
        host=silence.host(),
        boot=silence.boot_id(),
        pid=pid,
        pid_started=silence.process_start(pid),
    )


def remote(beats: int, worker: str = "w") -> Report:
    return Report(worker=worker, host="elsewhere", boot="another/boot", pid=1, pid_started=1, beats=beats)


@needs_proc
def test_our_own_living_process_is_not_proven_dead() -> None:
    assert not proven_dead(local(os.getpid()))


@needs_proc
def test_a_finished_child_is_proven_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    report = local(child.pid)
    assert not proven_dead(report)
    child.communicate(b"\n", timeout=30)
    assert proven_dead(report)


@needs_proc
def test_who_cannot_look_proves_nobody_dead() -> None:
    """Without a free file descriptor the living look like the dead."""
    report = local(os.getpid())
    with faults.file_limit(1):
        assert not proven_dead(report)
        assert silence.process_start(os.getpid()) == 0
    assert silence.process_start(os.getpid()) == report.pid_started


@needs_proc
def test_a_process_whose_start_nobody_could_read_is_not_proven_dead() -> None:
    assert not proven_dead(msgspec.structs.replace(local(os.getpid()), pid_started=0))


@needs_proc
def test_a_killed_child_that_nobody_waited_for_is_proven_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    report = local(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert proven_dead(report)
    child.communicate()


@needs_proc
def test_another_process_of_the_same_number_proves_the_first_dead() -> None:
    report = msgspec.structs.replace(local(os.getpid()), pid_started=1)
    assert proven_dead(report)


@pytest.mark.parametrize("change", [{"boot": "other"}, {"boot": ""}, {"host": "other"}, {"pid": 0}], ids=repr)
def test_nothing_is_proven_about_another_host_boot_or_container(change: dict[str, object]) -> None:
    report = msgspec.structs.replace(local(os.getpid()), pid_started=1, **change)
    assert not proven_dead(report)


def test_silence_needs_both_the_seconds_and_the_observations(fake: FakeClock) -> None:
    sweeper = Silence(seconds=8.0, observations=4)
    assert sweeper.dead([remote(1)]) == []
    for _ in range(7):
        fake.move(1.0)
        assert sweeper.dead([remote(1)]) == []
    fake.move(1.0)
    assert sweeper.dead([remote(1)]) == ["w"]


def test_the_seconds_alone_are_not_enough(fake: FakeClock) -> None:
    sweeper = Silence(seconds=8.0, observations=4)
    sweeper.dead([remote(1)])
    for seconds in (4.0, 4.0):
        fake.move(seconds)
        assert sweeper.dead([remote(1)]) == []
    fake.move(0.1)
    assert sweeper.dead([remote(1)]) == ["w"]


def test_the_observations_alone_are_not_enough(fake: FakeClock) -> None:
    sweeper = Silence(seconds=8.0, observations=4)
    for _ in range(50):
        fake.move(0.1)
        assert sweeper.dead([remote(1)]) == []


def test_a_beat_begins_the_count_anew(fake: FakeClock) -> None:
    sweeper = Silence(seconds=8.0, observations=4)
    for turn in range(100):
        fake.move(1.0)
        assert sweeper.dead([remote(turn // 7)]) == []


def test_a_count_that_runs_backwards_is_a_sign_of_life_too(fake: FakeClock) -> None:
    sweeper = Silence(seconds=4.0, observations=2)
    for beats in (9, 9, 1, 1):
        fake.move(1.5)
        assert sweeper.dead([remote(beats)]) == []


def test_a_sweeper_that_was_stopped_forgets_what_it_saw(fake: FakeClock) -> None:
    sweeper = Silence(seconds=8.0, observations=4)
    for _ in range(8):
        fake.move(1.0)
        sweeper.dead([remote(1)])
    fake.move(3600.0)
    assert sweeper.dead([remote(1)]) == []
    for _ in range(7):
        fake.move(1.0)
        assert sweeper.dead([remote(1)]) == []
    fake.move(1.0)
    assert sweeper.dead([remote(1)]) == ["w"]


def beat(sweeper: Silence, fake: FakeClock, *, seconds: float = 0.01, fails: bool = False) -> None:
    """A beat of the sweeper itself, which takes so long."""
    with suppress(ConnectionError), sweeper.unless_it_fails():
        fake.move(seconds)
        if fails:
            raise ConnectionError


def test_while_the_sweeper_cannot_beat_nobody_is_silent_and_afterwards_it_observes_anew(
    fake: FakeClock,
) -> None:
    sweeper = Silence(seconds=8.0, observations=4)
    for _ in range(20):
        beat(sweeper, fake, fails=True)
        assert sweeper.dead([remote(1)]) == []
        fake.move(1.0)
    beat(sweeper, fake)
    for _ in range(8):
        assert sweeper.dead([remote(1)]) == []
        fake.move(1.0)
    assert sweeper.dead([remote(1)]) == ["w"]


def test_one_beat_that_failed_and_came_through_at_once_undoes_nothing(fake: FakeClock) -> None:
    """Its connection was cut: that says nothing of the others."""
    sweeper = Silence(seconds=8.0, observations=4)
    for _ in range(8):
        assert sweeper.dead([remote(1)]) == []
        fake.move(0.7)
        beat(sweeper, fake, fails=True)
        fake.move(0.27)
        beat(sweeper, fake)
        fake.move(0.01)
    fake.move(0.1)
    assert sweeper.dead([remote(1)]) == ["w"]


def test_one_that_came_through_late_does(fake: FakeClock) -> None:
    """Others may have tried as long, and their next beat may be on its way."""
    sweeper = Silence(seconds=8.0, observations=4)
    for _ in range(8):
        sweeper.dead([remote(1)])
        fake.move(1.0)
    beat(sweeper, fake, seconds=1.1, fails=True)
    beat(sweeper, fake)
    assert sweeper.dead([remote(1)]) == []


def test_it_says_when_to_look_again_at_who_is_silent(fake: FakeClock) -> None:
    sweeper = Silence(seconds=8.0, observations=4)
    assert sweeper.again() == inf
    sweeper.dead([remote(1, "first")])
    for _ in range(3):
        fake.move(2.5)
        sweeper.dead([remote(1, "first"), remote(1, "second")])
    assert sweeper.again() == pytest.approx(0.5)
    fake.move(0.5)
    assert sweeper.dead([remote(1, "first"), remote(1, "second")]) == ["first"]
    assert sweeper.again() == pytest.approx(2.5), "who is silent for long enough need not be looked at soon"


def test_a_worker_that_was_not_listed_for_a_while_is_observed_anew(fake: FakeClock) -> None:
    sweeper = Silence(seconds=4.0, observations=2)
    sweeper.dead([remote(1)])
    fake.move(1.9)
    sweeper.dead([])
    for _ in range(2):
        fake.move(1.9)
        assert sweeper.dead([remote(1)]) == []


def test_only_the_silent_one_of_two_is_dead(fake: FakeClock) -> None:
    sweeper = Silence(seconds=4.0, observations=2)
    for turn in range(5):
        found = sweeper.dead([remote(1, "still"), remote(turn, "alive")])
        fake.move(1.0)
    assert found == ["still"]


@needs_proc
def test_a_proven_death_needs_no_silence() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    reports = [local(child.pid, "gone"), local(os.getpid(), "here")]
    child.communicate(b"\n", timeout=30)
    assert Silence().dead(reports) == ["gone"]
