"""The kit of faults, each tried on real processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting import until

from cardoon import Cardoon
from cardoon.exceptions import ConfigurationError
from cardoon.model.states import State
from cardoon.testing import faults

TASKS = """\
import errno
import os
import time
from pathlib import Path

from cardoon import Cardoon

app = Cardoon("fragile", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")
kept = []


@app.task
def pid():
    return os.getpid()


@app.task
def hold(mark):
    if not Path(mark).exists():
        Path(mark).touch()
        while True:
            time.sleep(60)
    return "done by another attempt"


@app.task
def tick(mark):
    while True:
        Path(mark).write_text(str(time.monotonic()))
        time.sleep(0.005)


@app.task
def allocate(megabytes):
    try:
        kept.append(bytearray(megabytes * 2**20))
        return "enough"
    except MemoryError:
        return "too little"


@app.task
def open_files(count):
    try:
        files = [open("/dev/null") for _ in range(count)]
        return "enough"
    except OSError as error:
        return errno.errorcode[error.errno]


@app.task
def wall_clock():
    return time.time()
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cardoon]:
    """The sender's side of the application, in its folder."""
    (tmp_path / "fragile.py").write_text(TASKS)
    monkeypatch.chdir(tmp_path)
    made = Cardoon("sender", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")
    yield made
    made.close()


@contextmanager
def possible() -> Iterator[None]:
    """Around a fault that some machines refuse: they skip the test, and say why."""
    try:
        yield
    except faults.CannotInject as error:
        pytest.skip(str(error))


def held(app: Cardoon, mark: str = "mark"):
    """A job that runs, and will be done only by its second attempt."""
    handle = app.send_task("fragile.hold", (mark,))
    until(Path(mark).exists, what="the first attempt")
    return handle


# -- the worker


def test_a_worker_knows_its_processes_and_ends_in_order(app: Cardoon) -> None:
    with faults.Worker("fragile:app", "-p", "2") as worker:
        ready = worker.wait_ready(2)
        assert sorted(ready) == worker.children()
        assert set(faults.family_of(worker.supervisor)) == {worker.supervisor, *ready}
        assert app.send_task("fragile.pid").get(60) in ready
        assert worker.stop() == 0
        assert not any(map(faults.lives, ready))


def test_nothing_of_a_worker_outlives_its_block(app: Cardoon) -> None:
    with faults.Worker("fragile:app", "-p", "2") as worker:
        family = faults.family_of(worker.supervisor)
        held(app)
    assert not any(map(faults.lives, family))


def test_a_worker_that_never_gets_ready_says_why(app: Cardoon) -> None:
    with pytest.raises(faults.WorkerTrouble, match="no_such_module"), faults.Worker("no_such_module:app"):
        pass
    with pytest.raises(faults.WorkerTrouble, match="not started"):
        _ = faults.Worker("fragile:app").supervisor


@pytest.mark.parametrize("harm", ["kill_child", "kill_group"])
def test_what_was_running_is_run_again_after_a_kill(app: Cardoon, harm: str) -> None:
    with faults.Worker("fragile:app", "-p", "1") as worker, faults.Worker("fragile:app", "-p", "1") as other:
        handle = held(app)
        (victim,) = [w for w in (worker, other) if runs(app, handle.id) in w.children()]
        getattr(victim, harm)()
        assert handle.get(60) == "done by another attempt"


def test_a_killed_supervisor_takes_its_processes_with_it(app: Cardoon) -> None:
    with faults.Worker("fragile:app", "-p", "2") as worker:
        children = worker.wait_ready(2)
        worker.kill_supervisor()
        until(lambda: not any(map(faults.lives, children)), what="the end of its processes")
        assert worker.wait() == -signal.SIGKILL


def runs(app: Cardoon, id: str) -> int:
    """The pid of the process that runs this job."""
    job = app.engine.result(id)
    return next(report.pid for report in app.engine.workers() if job and report.worker == job.worker)


# -- standing still


def test_a_stopped_process_does_nothing_until_it_goes_on(app: Cardoon) -> None:
    with faults.Worker("fragile:app", "-p", "1") as worker:
        app.send_task("fragile.tick", ("mark",))
        mark = Path("mark")
        until(lambda: mark.exists() and mark.read_text(), what="the first tick")
        with worker.stopped():
            until(lambda: all(state_of(pid) == "T" for pid in worker.children()), what="a standstill")
            last = mark.read_text()
            faults.stop_for(0.05, worker.supervisor)
            assert mark.read_text() == last
        until(lambda: mark.read_text() not in ("", last), what="another tick")


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


# -- limits


def test_a_limit_of_memory_is_felt_by_the_task_and_taken_back(app: Cardoon) -> None:
    with faults.Worker("fragile:app", "-p", "1") as worker:
        (child,) = worker.children()
        with faults.memory_limit(address_space(child) + 64 * 2**20, child):
            assert app.send_task("fragile.allocate", (256,)).get(60) == "too little"
        assert app.send_task("fragile.allocate", (256,)).get(60) == "enough"


def address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def test_a_process_that_needs_more_than_its_group_may_have_is_killed_by_the_kernel(app: Cardoon) -> None:
    """Its job is run again, alone; at the third death it is quarantined. The supervisor lives."""
    with faults.Worker("fragile:app", "-p", "1") as worker, possible():
        with faults.memory_group(150 * 2**20, worker.supervisor, *worker.children()) as group:
            handle = app.send_task("fragile.allocate", (400,))
            until(lambda: handle.job and handle.job.final, what="its end")
            assert handle.job is not None
            assert handle.job.state is State.QUARANTINED
            assert worker.lives
        assert not group.exists()
        assert app.send_task("fragile.allocate", (400,)).get(60) == "enough"


def test_no_group_is_made_where_there_is_no_controller(tmp_path: Path) -> None:
    with (
        pytest.raises(faults.CannotInject, match="use memory_limit"),
        faults.memory_group(1, groups=tmp_path),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_too_few_descriptors_are_felt_by_the_task_and_the_worker_goes_on(app: Cardoon) -> None:
    with faults.Worker("fragile:app", "-p", "1") as worker:
        (child,) = worker.children()
        with faults.file_limit(60, child):
            assert app.send_task("fragile.open_files", (100,)).get(60) == "EMFILE"
            assert app.send_task("fragile.pid").get(60) == child
        assert app.send_task("fragile.open_files", (100,)).get(60) == "enough"


def test_when_no_process_can_be_started_the_worker_tries_again_and_blames_nobody(app: Cardoon) -> None:
    """The supervisor has no descriptor left for another process, nor to look at those that it has."""
    with faults.Worker("fragile:app", "-p", "2") as worker:
        first, second = worker.wait_ready(2)
        with faults.file_limit(3, worker.supervisor):
            os.kill(first, signal.SIGKILL)
            until(lambda: "no process could be started" in worker.log, what="an attempt to start one")
            assert app.send_task("fragile.pid").get(60) == second
        until(lambda: len(set(worker.ready()) - {first}) == 2, what="two processes again")
        assert second in worker.ready()
        assert worker.log.count("lost worker=") == 1


# -- a full disk


SENDER = """\
import sys
from cardoon import Cardoon
from cardoon.exceptions import EngineFull
app = Cardoon("sender", url="sqlite:///jobs.db", task_default_queue="q")
try:
    print(app.send_task("fragile.pid").get(60))
except EngineFull as error:
    sys.exit(f"EngineFull: {error}")
"""


def test_a_disk_that_is_full_refuses_and_goes_on_when_there_is_space(app: Cardoon) -> None:
    with possible(), faults.small_disk(8 * 2**20) as disk:
        (disk.view / "fragile.py").write_text(TASKS)
        with faults.Worker("fragile:app", "-p", "1", inside=disk.inside) as worker:
            sender = [sys.executable, "-c", SENDER]
            assert int(disk.run(sender).stdout) in worker.children()
            assert disk.fill() > 2**20
            refused = disk.run(sender)
            assert refused.returncode == 1
            assert "EngineFull: no space left" in refused.stderr
            disk.free()
            done = disk.run(sender)
            assert done.returncode == 0, done.stderr + worker.log
        assert not (disk.folder / "fragile.py").exists()
    assert not disk.folder.exists()


# -- a clock that jumps


def test_a_jump_of_the_wall_clock_is_seen_by_the_whole_process_and_by_nobody_else(app: Cardoon) -> None:
    with possible(), faults.wall_clock() as clock:
        with faults.Worker("fragile:app", "-p", "1", environment=clock.environment) as worker:
            assert abs(told_by(app) - time.time()) < 60
            clock.jump(3600)
            assert abs(told_by(app) - time.time() - 3600) < 60
            clock.jump(-7200)
            assert abs(told_by(app) - time.time() + 3600) < 60
            assert worker.lives
        said = subprocess.run(["date", "+%s"], env=clock.environment, capture_output=True, text=True)
        assert abs(int(said.stdout) - time.time() + 3600) < 60


def told_by(app: Cardoon) -> float:
    """What time a task is told."""
    told = app.send_task("fragile.wall_clock").get(60)
    assert isinstance(told, float)
    return told


def test_without_a_compiler_the_clock_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(faults.CannotInject, match="C compiler"), faults.wall_clock():
        pass
    with pytest.raises(faults.CannotInject, match="unshare"), faults.small_disk(2**20):
        pass


# -- exact places


def test_a_failpoint_kills_at_its_place_and_the_job_is_run_again(app: Cardoon) -> None:
    with faults.Worker(
        "fragile:app", "-p", "1", environment=faults.failing_at("fin.before=kill@2")
    ) as worker:
        (first,) = worker.children()
        assert app.send_task("fragile.pid").get(60) == first
        assert app.send_task("fragile.pid").get(60) != first


def test_a_failpoint_that_there_is_not_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"fin\.before"):
        faults.failing_at("fin.befor=kill")
