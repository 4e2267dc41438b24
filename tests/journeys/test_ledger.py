"""Real workers that are killed, stopped and replaced at random, and a ledger of every start and end.

What the engine says at the end is held against what the bodies wrote down themselves.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from project import Project
from waiting import until

from cardoon import Cardoon
from cardoon.model.job import Filter, Job
from cardoon.model.states import FINAL, State

BOOKKEEPING = """\
import asyncio
import os
import time

from cardoon import Cardoon

app = Cardoon("bookkeeping", url="sqlite:///jobs.db?profile=fast", task_default_queue="q")
ledger = os.open("ledger", os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)


def note(word, job):
    line = f"{word} {job.id} {job.attempt} {job.token} {job.retries} {os.getpid()} {time.time()}\\n"
    os.write(ledger, line.encode())


@app.task(bind=True)
def brief(self):
    note("start", self.request)
    note("end", self.request)


@app.task(bind=True)
def nap(self, seconds):
    note("start", self.request)
    time.sleep(seconds)
    note("end", self.request)


@app.task(bind=True)
async def doze(self, seconds):
    note("start", self.request)
    await asyncio.sleep(seconds)
    note("end", self.request)


@app.task(bind=True, max_retries=None)
def again(self, times):
    note("start", self.request)
    if self.request.retries < times:
        note("retry", self.request)
        self.retry(countdown=0.05)
    note("end", self.request)


@app.task(bind=True)
def pass_on(self, ids):
    note("start", self.request)
    for id in ids:
        brief.apply_async(task_id=id)
    note("end", self.request)
"""

JOBS = 360
MISFORTUNES = ("child", "child", "child", "supervisor", "group", "drain", "pause", "pause")
COMPANIONS = {"jobs.db", *(f"jobs.db-{name}" for name in ("wal", "shm", "turn", "ready", "done"))}


class Line(NamedTuple):
    word: str
    id: str
    attempt: int
    token: int
    retries: int
    pid: int
    moment: float


class Ledger:
    """What the bodies wrote down."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()

    def lines(self) -> list[Line]:
        rows = (row.split() for row in self._file.read_text().splitlines())
        return [Line(w, i, int(a), int(t), int(r), int(p), float(m)) for w, i, a, t, r, p, m in rows]

    def grown_by(self, lines: int) -> Iterator[bool]:
        """Whether it has grown by so many lines since the first look."""
        before = self._file.read_text().count("\n")
        while True:
            yield self._file.read_text().count("\n") >= before + lines


class Nemesis:
    """Does its worst to the workers of a project; remembers whom it killed, and when."""

    def __init__(self, project: Project, ledger: Ledger, chance: random.Random) -> None:
        self._project = project
        self._ledger = ledger
        self._chance = chance
        self.killed: dict[int, float] = {}
        self.supervisors: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        self.supervisors.append(self._project.start("worker", "bookkeeping:app", "-p", "2"))

    def strike(self, misfortune: str) -> None:
        """Wait until there is progress, then do this to a process that wrote into the ledger."""
        progress = self._ledger.grown_by(self._chance.randint(10, 50))
        until(lambda: next(progress), 10, what=f"progress before {misfortune}")
        child = until(self._victim, what="a process that works") or 0
        getattr(self, f"_{misfortune}")(child, parent_of(child))

    def _victim(self) -> int | None:
        alive = {line.pid for line in self._ledger.lines() if parent_of(line.pid) in self._living()}
        return self._chance.choice(sorted(alive)) if alive else None

    def _living(self) -> set[int]:
        return {worker.pid for worker in self.supervisors if worker.poll() is None}

    def _child(self, child: int, _supervisor: int) -> None:
        self._kill(child)

    def _supervisor(self, _child: int, supervisor: int) -> None:
        """Its processes end with it."""
        self._kill(supervisor, *children_of(supervisor))
        self.start()

    def _group(self, _child: int, supervisor: int) -> None:
        family = children_of(supervisor)
        self._kill(supervisor, *family)
        for child in family:
            self._signal(child, signal.SIGKILL)
        self.start()

    def _drain(self, _child: int, supervisor: int) -> None:
        self._signal(supervisor, signal.SIGTERM)
        self.start()

    def _pause(self, child: int, _supervisor: int) -> None:
        """Until the others got on, unless it was stopped while it wrote: then they wait for it."""
        self._signal(child, signal.SIGSTOP)
        progress, deadline = self._ledger.grown_by(20), time.monotonic() + 1.0
        until(lambda: next(progress) or time.monotonic() > deadline)
        self._signal(child, signal.SIGCONT)

    def _kill(self, first: int, *dragged_along: int) -> None:
        now = time.time()
        self.killed |= dict.fromkeys((first, *dragged_along), now)
        self._signal(first, signal.SIGKILL)

    @staticmethod
    def _signal(pid: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def parent_of(pid: int) -> int:
    """The pid of its parent; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def children_of(supervisor: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if parent_of(pid) == supervisor]


def processes_in(folder: Path) -> list[int]:
    """The processes that work in this folder, save this one."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def send_all(app: Cardoon, chance: random.Random) -> set[str]:
    """Send all sorts of jobs; the ids of all that there will be."""
    ids: set[str] = set()
    for number in range(JOBS):
        id = f"job-{number}"
        name = chance.choices(("brief", "nap", "doze", "again", "pass_on"), (2, 4, 4, 2, 1))[0]
        following = [f"{id}-{n}" for n in range(2)] if name == "pass_on" else []
        seconds = chance.uniform(0.005, 0.03)
        argument = {"again": chance.randint(1, 2), "pass_on": following}.get(name, seconds)
        app.send_task(f"bookkeeping.{name}", () if name == "brief" else (argument,), task_id=id)
        ids.update((id, *following))
    return ids


def all_jobs(app: Cardoon) -> list[Job]:
    return app.engine.find(Filter(), limit=10 * JOBS).jobs


def unfinished(app: Cardoon) -> int:
    counts = app.engine.count().values()
    return sum(n for states in counts for state, n in states.items() if state not in FINAL)


def check_against_ledger(job: Job, lines: list[Line], killed: dict[int, float]) -> None:
    """One end, written by the attempt that succeeded; each repeated start has a death to explain it."""
    assert job.state is State.SUCCEEDED, (job.id, job.note)
    assert [line for line in lines if line.word == "end" and line.token == job.token], (job.id, lines)
    starts = [line for line in lines if line.word == "start"]
    for first, second in pairwise(starts):
        assert second.attempt > first.attempt, (first, second)
        assert second.token > first.token, (first, second)
        if second.retries == first.retries:
            assert killed.get(first.pid, second.moment) < second.moment, (first, second)
        else:
            assert ("retry", first.token) in [(line.word, line.token) for line in lines], (first, second)


@pytest.fixture
def app(project: Project, monkeypatch: pytest.MonkeyPatch) -> Cardoon:
    """The application of the workers, to send to."""
    (project.folder / "bookkeeping.py").write_text(BOOKKEEPING)
    monkeypatch.chdir(project.folder)
    url = "sqlite:///jobs.db?profile=fast"
    return Cardoon("sender", url=url, task_default_queue="q", set_as_current=False)


def test_whatever_is_killed_each_job_succeeds_once_and_only_deaths_repeat_a_body(
    project: Project, app: Cardoon
) -> None:
    seed = int(os.environ.get("LEDGER_SEED") or random.randrange(1_000_000))
    print(f"LEDGER_SEED={seed}")
    chance = random.Random(seed)
    ids = send_all(app, chance)
    ledger = Ledger(project.folder / "ledger")
    nemesis = Nemesis(project, ledger, chance)
    nemesis.start()
    nemesis.start()
    for misfortune in chance.sample(MISFORTUNES, len(MISFORTUNES)):
        nemesis.strike(misfortune)
    until(lambda: not unfinished(app), 15, what="the end of every job")

    for worker in nemesis.supervisors:
        worker.terminate()
    for worker in nemesis.supervisors:
        worker.wait(10)
    jobs, lines = all_jobs(app), ledger.lines()
    assert {job.id for job in jobs} == ids
    for job in jobs:
        check_against_ledger(job, [line for line in lines if line.id == job.id], nemesis.killed)
        assert job.attempt == len(app.engine.attempts(job.id)) + 1, job.id
    assert app.engine.count() == {"q": Counter(job.state for job in jobs)}
    until(lambda: not processes_in(project.folder), what="the end of every process")
    assert {file.name for file in project.folder.glob("jobs.db*")} <= COMPANIONS
