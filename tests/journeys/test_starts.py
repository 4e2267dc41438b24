"""How processes come to be: the first ones are forked, those that take a place later are spawned."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from standing import Standing, standing

from cardoon.testing.faults.servers.ports import free_port


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def forked(own: Standing, pid: int) -> bool:
    return command(pid) == command(own.worker.supervisor)


def ends(pid: int) -> set[tuple[str, int]]:
    """The lines and the slates that this process has open."""
    opened = {(str(entry.readlink()), entry.stat().st_ino) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return {end for end in opened if end[0].startswith(("socket:", "/memfd:"))}


def test_the_first_processes_are_forked_and_have_nothing_of_each_other(tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", "solo", "-p", "3") as own:
        pids = own.worker.wait_ready(3)
        assert all(forked(own, pid) for pid in pids)
        opened = [ends(pid) for pid in pids]
        assert len(set.union(*opened)) == sum(map(len, opened)) == 3 * 2
        assert all(os.getpgid(pid) == pid for pid in pids)


def test_one_that_takes_a_place_later_is_spawned(tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", "solo") as own:
        first = own.worker.kill_child()
        own.until(lambda: own.worker.ready() not in ([], [first]), "another process")
        assert own.value("fine") == own.child != first
        assert not forked(own, own.child)


def test_beside_another_thread_none_is_forked(tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", "solo", "--probe-port", str(free_port())) as own:
        assert own.value("fine") == own.child
        assert not forked(own, own.child)


def test_a_process_that_somebody_stopped_is_ended_and_replaced(tmp_path: Path) -> None:
    with standing(tmp_path, "lifetime", "solo") as own:
        first = own.child
        os.kill(first, signal.SIGSTOP)
        own.until(lambda: "it was stopped by a signal" in own.worker.log, "its end")
        own.until(lambda: own.worker.ready() not in ([], [first]), "another process")
        assert own.value("fine") == own.child


def test_an_address_of_the_environment_that_is_not_used_is_no_hindrance(tmp_path: Path) -> None:
    """Its driver is imported before it is known that the application names another address."""
    with standing(
        tmp_path, "lifetime", "solo", environment={"CARDOON_URL": "nosuch://user:secret@host"}
    ) as own:
        assert own.value("fine") == own.child
        assert "nosuch" not in own.worker.log
