"""A file with something of everything in it, for a verb to meet: built once, copied for each try.

A job is called by what it is: "ready", "running", "failed". Its id is its name.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from cardoon.engines.contract import SOLO_CRASHES_TO_QUARANTINE
from cardoon.engines.silence import boot_id, host
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock, outcome
from cardoon.model.job import Claim, Report, Schedule
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport, Outcome

from .contents import FILE
from .still import StillClock

NO_SUCH_PROCESS = 2**22 + 1
"""More than the kernel ever gives out as a pid."""

RETENTION = 1_000.0


@dataclass
class House:
    """What was built: claims and messages by the name of their job, and the moment it is now.

    The last claim but one of a job that was claimed again is there as "..., earlier".
    """

    file: Path
    now: float
    claims: dict[str, Claim] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)

    def copy(self, folder: Path) -> str:
        """The URL of a copy in this folder."""
        folder.mkdir()
        shutil.copyfile(self.file, folder / FILE)
        return url_in(folder)


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder / FILE}?retention={RETENTION}"


def build(folder: Path) -> House:
    """Build it, with the engine's own verbs."""
    still = StillClock()
    house = House(folder / FILE, still.now + RETENTION + 10)
    with clock.use(still):
        engine = SqliteEngine(url_in(folder))
        builder = Builder(engine, house)
        builder.long_ago()
        still.now += RETENTION
        builder.jobs_that_wait()
        builder.jobs_that_run()
        builder.jobs_that_ended()
        builder.all_the_rest()
        engine.close()
    return house


class Builder:
    def __init__(self, engine: SqliteEngine, house: House) -> None:
        self._engine = engine
        self._house = house

    def long_ago(self) -> None:
        """What will be older than the retention."""
        self._end("old", outcome.succeeded(b"1"))
        self._engine.annotate(self._run("old-too"), "log", b"a line")
        self._engine.settle([(self._house.claims["old-too"], outcome.failed(None))])

    def jobs_that_wait(self) -> None:
        now = clock.now()
        self._send("ready", "ready-too", "ready-also", queue="a")
        self._send("first", queue="a", priority=0)
        self._send("other", queue="b")
        self._send("behind a pause", queue="paused")
        self._send("due", queue="c", due=now + 5)
        self._send("later", queue="c", due=now + 100)
        self._send("expired", queue="c", expires=now + 5)
        self._end("parked", outcome.parked("unknown here"), task="unknown")
        self._end("retrying", outcome.retrying(now + 100, ErrorReport(type="E")))

    def jobs_that_run(self) -> None:
        for name in ("running", "running-too"):
            self._run(name, worker="w1")
        self._run("chained", worker="w2", link=[self._message("its link", queue="a")])
        self._run("asked to end", worker="w3")
        self._engine.cancel(["asked to end"], terminate=True)
        self._run("unlucky", worker="dead", report=True)
        self._run("poison", worker="poisoned-0", link_error=[self._message("its error link", queue="a")])
        for crash in range(1, SOLO_CRASHES_TO_QUARANTINE):
            self._engine.retire(self._house.claims["poison"].worker)
            self._claim("poison", f"poisoned-{crash}")
        for name in ("suspect", "suspect-too"):
            self._run(name, worker="crashed", queue="s")
        self._engine.retire("crashed")
        self._run("returned", worker="gone", queue="r")
        self._engine.retire("gone", crashed=False)

    def jobs_that_ended(self) -> None:
        self._end("done", outcome.succeeded(b"2"))
        self._end("failed", outcome.failed(ErrorReport(type="E", message="no")))
        self._send("cancelled", queue="d")
        self._engine.cancel(["cancelled"])

    def all_the_rest(self) -> None:
        engine = self._engine
        engine.pause("paused")
        engine.order("w1", "quiet")
        for kind in ("log", "progress"):
            engine.annotate(self._house.claims["running"], kind, b"so far")
        engine.acquire("lock", "owner", worker="w1", slots=2)
        engine.acquire("free", "somebody")
        engine.release("free", "somebody")
        engine.take("bucket", per_second=0.01, burst=2)
        engine.arrive("barrier", "one", of=2)
        engine.save_schedule(Schedule(name="hourly", next_due=clock.now() + 5, data=b"rule"))

    def _message(self, name: str, *, task: str = "t", queue: str = "d", **options: object) -> Message:
        message = Message(id=name, task=task, queue=queue, args=[name], **options)  # type: ignore[arg-type]
        self._house.messages[name] = message
        return message

    def _send(self, *names: str, **options: object) -> None:
        self._engine.push([self._message(name, **options) for name in names])  # type: ignore[arg-type]

    def _run(self, name: str, worker: str = "w", *, report: bool = False, **options: object) -> Claim:
        self._send(name, **{"queue": f"of {name}", **options})
        if report:
            dead = Report(worker=worker, host=host(), boot=boot_id(), pid=NO_SUCH_PROCESS, pid_started=1)
            self._engine.beat([dead])
        return self._claim(name, worker)

    def _claim(self, name: str, worker: str) -> Claim:
        (claim,) = self._engine.claim(worker, [self._house.messages[name].queue], 1)
        assert claim.id == name
        claims = self._house.claims
        if name in claims:
            claims[f"{name}, earlier"] = claims[name]
        claims[name] = claim
        return claim

    def _end(self, name: str, end: Outcome, **options: object) -> None:
        assert self._engine.settle([(self._run(name, **options), end)]) == []  # type: ignore[arg-type]
