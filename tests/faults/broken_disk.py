"""A disk that is full, or broken, from one operation on, and an engine that works on it."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock, outcome
from cardoon.model.errors import EngineError, EngineFull
from cardoon.model.message import Message

from .cases import Case
from .contents import FILE, Contents, contents, difference
from .disk import Recorder, no_trouble
from .driver import Connection, Driver
from .house import House, url_in
from .still import StillClock

FULL = "full from here on"
BROKEN = "broken here"
KINDS = (FULL, BROKEN)
CODES = {
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
}


@dataclass
class Trouble:
    """Counts the operations of a disk, and lets the one numbered `at` end badly, or all writes from it on."""

    at: int | None = None
    kind: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, operation: str, name: str) -> int:
        number = len(self.seen)
        self.seen.append((operation, name))
        if self.at is None or number < self.at:
            return 0
        if self.kind == BROKEN:
            return CODES[operation] if number == self.at else 0
        return apsw.SQLITE_FULL if operation == "write" else 0

    @property
    def struck(self) -> str:
        """The file that met it first."""
        return self.seen[self.at][1] if self.at is not None and self.at < len(self.seen) else ""


@dataclass
class Whole:
    """The call on a disk without trouble: its answer, its operations, and the file after each commit."""

    answer: Any
    operations: list[tuple[str, str]]
    states: list[Contents]


class Shelf:
    """Gives out disks, each with a copy of the house on it; one at a time."""

    def __init__(self, folder: Path, house: House) -> None:
        self._place = folder / "disk"
        self._house = house
        self._states: list[Contents] = []
        self._recorder = Recorder("a disk that may break")
        self.driver = Driver(self._recorder.name, self._committed)

    def close(self) -> None:
        self._recorder.unregister()

    def _committed(self, db: Connection) -> None:
        self._states.append(contents(db))

    def whole(self, case: Case) -> Whole:
        """Call it with nothing in the way."""
        trouble = Trouble()
        with self._disk(case) as engine:
            self._states = [self._holds()]
            with self._troubled(trouble):
                answer = case.call(engine, self._house)
            return Whole(answer, trouble.seen, self._states[:])

    def fail(self, case: Case, whole: Whole, trouble: Trouble) -> None:
        """Call it on a disk that gets into trouble, and then on one that is well again; may raise."""
        with self._disk(case) as engine:
            with self._troubled(trouble):
                refused = self._refuses(case, engine, whole, trouble)
                assert case.fresh or engine.result("failed"), "nothing can be looked at meanwhile"
            if refused:
                assert self._holds() in whole.states[:-1], f"it is torn:\n{self._unlike(whole.states[0])}"
                self._goes_on(case, engine)
            assert self._holds() == whole.states[-1], f"it is not whole:\n{self._unlike(whole.states[-1])}"
            self._works(engine)

    def _refuses(self, case: Case, engine: SqliteEngine, whole: Whole, trouble: Trouble) -> bool:
        """Whether the verb was refused; if it was not, only a checkpoint can have met the trouble."""
        try:
            answer = case.call(engine, self._house)
        except EngineFull:
            assert trouble.kind == FULL, "a broken disk is called full"
            return True
        except EngineError:
            assert trouble.kind == BROKEN, "a full disk is not called full"
            return True
        assert repr(answer) == repr(whole.answer), f"no error, and the answer is {answer}"
        logged = trouble.struck.endswith("-wal") and trouble.kind == FULL
        assert not logged, "no error, and the log could not be written"
        return False

    def _goes_on(self, case: Case, engine: SqliteEngine) -> None:
        """The same call does what it did not do: one of several steps, a while later."""
        for lived in (0.0, 10.0, 20.0) if case.steps else (0.0,):
            with clock.use(StillClock(self._house.now, lived=lived)):
                case.call(engine, self._house)

    def _works(self, engine: SqliteEngine) -> None:
        engine.push([Message(id="after", task="t", queue="after")])
        (claim,) = engine.claim("after", ["after"], 1)
        assert engine.settle([(claim, outcome.succeeded(None))]) == []

    @contextmanager
    def _disk(self, case: Case) -> Generator[SqliteEngine]:
        self._house.copy(self._place)
        if case.fresh:
            (self._place / FILE).unlink()
        engine = SqliteEngine(url_in(self._place))
        if not case.fresh:
            engine.open()
        try:
            yield engine
        finally:
            engine.close()
            shutil.rmtree(self._place)

    @contextmanager
    def _troubled(self, trouble: Trouble) -> Generator[None]:
        self._recorder.trouble = trouble
        try:
            yield
        finally:
            self._recorder.trouble = no_trouble

    def _holds(self) -> Contents:
        if not (self._place / FILE).exists():
            return {}
        with closing(self.driver.connect(self._place / FILE, timeout=1.0)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return contents(db)

    def _unlike(self, wanted: Contents) -> str:
        return difference(self._holds(), wanted)
