"""A story: what an application and its workers did on a disk that can lose its power, and what they heard.

Everything in it follows from its seed: the verbs, the payloads, and the clock, which only moves
between two verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw
import pytest

from cardoon.engines.sqlite import connection
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock, outcome
from cardoon.model.errors import EngineError
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import FINAL, State

from .contents import FILE, Contents, contents
from .disk import Recorder, Step, Trouble, no_trouble
from .driver import Connection, Driver
from .still import StillClock

PAGES_TO_CHECKPOINT = 60
"""Instead of 4,000: so a short story has many checkpoints in it."""

QUEUES = ("a", "b", "c")

COMMITTED, PROMISED = "committed", "promised"
"""What stands among the steps of a disk, and is none: a commit was answered, callers were told of jobs."""


@dataclass(frozen=True)
class Promise:
    """What a caller was told of a job: that it exists, or the end that it reached."""

    id: str
    state: State | None = None
    result: bytes | None = None


@dataclass
class Story:
    seed: int
    profile: str
    steps: list[Step] = field(default_factory=list)
    states: list[Contents] = field(default_factory=list)
    """What the file held after each commit."""


class Life:
    """An application, its worker, and their operators, by chance."""

    def __init__(self, folder: Path, disk: Recorder, profile: str, chance: Random, still: StillClock) -> None:
        self._url = f"sqlite:///{folder / FILE}?profile={profile}"
        self._disk = disk
        self._chance = chance
        self._still = still
        self._made = 0
        self._claims: list[Claim] = []
        self._waiting: list[str] = []
        self._worker = self._fresh("w")
        self._start()

    def _start(self) -> None:
        self._sender, self._runner = SqliteEngine(self._url), SqliteEngine(self._url)
        self._sender.open()
        self._runner.open()

    def go_on(self, among: dict[Happening, float]) -> None:
        """One of these happens, and a moment passes."""
        (happening,) = self._chance.choices(list(among), list(among.values()))
        happening(self)
        self._still.now += 0.5

    def end(self) -> None:
        """Close what is open."""
        self._sender.close()
        self._runner.close()

    # -- what can happen

    def sends(self) -> None:
        messages = [self._message() for _ in range(self._chance.choice([1, 1, 2, 12]))]
        self._sender.push(messages)
        self._promise([Promise(m.id) for m in messages])
        self._waiting += [m.id for m in messages]

    def works(self) -> None:
        """The steady step of a worker."""
        ends = [(claim, self._end()) for claim in self._claims]
        turn = self._runner.exchange(ends, self._worker, None, self._chance.choice([1, 8, 20]))
        refused = {claim.id for claim in turn.refused}
        told = [Promise(c.id, o.state, o.result) for c, o in ends if o.state in FINAL and c.id not in refused]
        follow = [Promise(m.id) for c, o in ends if c.id not in refused for m in o.follow]
        self._claims = turn.claims
        self._promise(told + follow)

    def settles(self) -> None:
        self._claims, claims = [], self._claims
        ends = [(claim, outcome.succeeded(b"done")) for claim in claims]
        refused = {claim.id for claim in self._runner.settle(ends)}
        self._promise([Promise(c.id, o.state, o.result) for c, o in ends if c.id not in refused])

    def cancels(self) -> None:
        ids = self._chance.sample(self._waiting, min(3, len(self._waiting)))
        states = self._sender.cancel(ids)
        self._promise([Promise(id, state) for id, state in states.items() if state is State.CANCELLED])

    def dies(self) -> None:
        self._claims = []
        self._runner.retire(self._worker, crashed=self._chance.random() < 0.7)
        self._worker = self._fresh("w")

    def tells(self) -> None:
        for claim in self._claims[:2]:
            self._runner.annotate(claim, self._chance.choice(["progress", "log"]), b"x" * 200)

    def locks(self) -> None:
        if self._sender.acquire("lock", self._worker, worker=self._worker) is None:
            self._sender.release("lock", self._chance.choice(["w1", "w2", self._worker]))

    def sweeps(self) -> None:
        self._runner.sweep()

    def looks(self) -> None:
        self._sender.count()

    def restarts(self) -> None:
        self.end()
        self._start()

    # -- with what

    def _fresh(self, word: str) -> str:
        self._made += 1
        return f"{word}{self._made}"

    def _message(self) -> Message:
        chance = self._chance
        due = self._still.now + 3 if chance.random() < 0.1 else None
        text = "x" * chance.choice([0, 30, 30, 3_000])
        return Message(id=self._fresh("j"), task="t", queue=chance.choice(QUEUES), due=due, args=[text])

    def _end(self) -> Outcome:
        ends: list[Callable[[], Outcome]] = [
            lambda: outcome.succeeded(b"done"),
            lambda: outcome.succeeded(b"long" * self._chance.choice([1, 500])),
            lambda: outcome.succeeded(None, (self._message(),)),
            lambda: outcome.failed(ErrorReport(type="E", message="no")),
            lambda: outcome.retrying(self._still.now + 1, ErrorReport(type="E")),
            outcome.returned,
        ]
        return self._chance.choice(ends)()

    def _promise(self, promises: list[Promise]) -> None:
        self._disk.record(PROMISED, *promises)


Happening = Callable[[Life], None]

HAPPENINGS: dict[Happening, float] = {
    Life.sends: 8,
    Life.works: 8,
    Life.settles: 2,
    Life.cancels: 2,
    Life.dies: 1,
    Life.tells: 2,
    Life.locks: 1,
    Life.sweeps: 1,
    Life.looks: 1,
}
"""What can happen, and how often."""

RESTARTS: dict[Happening, float] = {Life.restarts: 0.3}


def tell(folder: Path, seed: int, profile: str, *, length: int = 60, mishap: float = 0.0) -> Story:
    """Live through a story, and write down all that its disk saw.

    `mishap` is the share of syncs that fail: the caller hears an EngineError, and goes on. Then nobody
    restarts: who opens the file afresh reads a commit whose sync has failed as one that stands.
    """
    story, chance, still = Story(seed, profile), Random(seed), StillClock()
    errors = (EngineError,) if mishap else ()
    among = HAPPENINGS if mishap else HAPPENINGS | RESTARTS
    disk = Recorder(f"disk-{seed}-{profile}")

    def committed(db: Connection) -> None:
        story.states.append(contents(db))
        disk.record(COMMITTED)

    (folder / FILE).touch()
    disk.inode(FILE)
    with engines_write_to(Driver(disk.name, committed)), clock.use(still):
        life = Life(folder, disk, profile, chance, still)
        disk.trouble = _failing_syncs(chance, mishap)
        for _ in range(length):
            with suppress(*errors):
                life.go_on(among)
        story.steps = disk.steps[:]
        disk.trouble = no_trouble
        life.end()
    disk.unregister()
    return story


@contextmanager
def engines_write_to(driver: Driver) -> Generator[None]:
    """Engines that are opened meanwhile use this driver, and checkpoint often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "sqlite3", driver)
        patch.setattr(connection, "CHECKPOINT_PAGES", PAGES_TO_CHECKPOINT)
        yield


def _failing_syncs(chance: Random, share: float) -> Trouble:
    def trouble(operation: str, _name: str) -> int:
        return apsw.SQLITE_IOERR_FSYNC if operation == "sync" and chance.random() < share else 0

    return trouble if share else no_trouble
