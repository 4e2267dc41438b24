"""One verb, failed at each of its points in each way, and then recovered from.

The reference is the same call with nothing failing: what it answers, and what the file holds after
each of its commits. Since the clock stands still, a failed call must leave the file as it was after
one of these, to the last byte of a row, and which one follows from the point.
"""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import signal
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from cardoon.engines.contract import Engine, steps
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.model import clock
from cardoon.model.errors import EngineError

from .cases import SAME, Case
from .contents import FILE, Contents, contents, difference
from .house import House, url_in
from .invariants import Invariants
from .outside import INTERRUPTED, KILLED, REFUSED, Outside, Point
from .still import StillClock

MakeEngine = Callable[[str], Engine]


class Torn(AssertionError):
    """What a failed call left behind, or a repeated one did, is not what the contract says."""


@dataclass
class Reference:
    """The call with nothing failing, and once more after it."""

    answer: Any
    again: Any
    points: list[Point]
    states: list[Contents] = field(default_factory=list)
    """Before the call, and after each of its commits."""
    after_both: Contents = field(default_factory=dict)

    def state_after(self, point: int, kind: str) -> Contents:
        """What the file holds when this kind of failure came at this point."""
        passed = self.points[:point] if kind == REFUSED else self.points[: point + 1]
        return self.states[sum(p.commits for p in passed)]

    def all_is_written_before(self, point: int) -> bool:
        """Whether the verb writes, and did before this point: then nothing may raise any more."""
        writes = self.states[0] != self.states[-1]
        return writes and not any(p.commits for p in self.points[point:])


class Sweep:
    """The failures of one case, each on a copy of the house of its own."""

    def __init__(self, case: Case, house: House, folder: Path, make: MakeEngine = SqliteEngine) -> None:
        self.case = case
        self.house = house
        self.make = make
        self._folder = folder
        self._copies = 0
        self.reference = self._refer()

    def points(self, kind: str) -> Iterator[int]:
        """The numbers of the points at which this can happen."""
        return (number for number, point in enumerate(self.reference.points) if kind in point.kinds)

    def fail(self, point: int, kind: str) -> None:
        """Let it happen, recover, and check; raises AssertionError."""
        folder = self._copy()
        try:
            (self._kill if kind == KILLED else self._err)(folder, point, kind)
        except EngineError as error:
            raise Torn(f"afterwards {type(error).__name__}: {error}") from error
        finally:
            shutil.rmtree(folder)

    # -- with nothing failing

    def _refer(self) -> Reference:
        folder = self._copy()
        states = [held_in(folder)]
        outside = Outside(on_commit=lambda: states.append(held_in(folder)))
        with outside.installed():
            engine = self._engine(folder)
            with outside.watched():
                answer = self._call(engine)
            again = self._call(engine)
        made = Reference(answer, again, outside.points, states, held_in(folder))
        engine.close()
        shutil.rmtree(folder)
        self._check_reference(made)
        return made

    def _check_reference(self, made: Reference) -> None:
        if not self.case.steps and len({repr(state) for state in made.states}) > 2:
            raise Torn("it is not one atomic step: the file changes more than once")
        if not self.case.repeats:
            return
        wanted = made.answer if self.case.again is SAME else self.case.again
        if not same(made.again, wanted):
            raise Torn(f"the same call again answers {made.again}, not {wanted}")
        if made.after_both != made.states[-1]:
            raise Torn(f"the same call again writes:\n{difference(made.after_both, made.states[-1])}")

    # -- an error, or an interrupt

    def _err(self, folder: Path, point: int, kind: str) -> None:
        outside = Outside(point, kind)
        with outside.installed(), closing(self._engine(folder)) as engine:
            with outside.watched():
                is_done = self._fails_as_it_should(engine, point, kind)
            assert outside.struck, "the same call did not come to that point again"
            _nobody_is_shut_out(folder)
            done, failed = self.reference.states[-1], self.reference.state_after(point, kind)
            self._recover(folder, done if is_done else failed, engine)

    def _fails_as_it_should(self, engine: Engine, point: int, kind: str) -> bool:
        """Whether it answered all the same, as it may where it can do without what failed."""
        try:
            answer = self._call(engine)
        except KeyboardInterrupt:
            if kind != INTERRUPTED:
                raise
        except EngineError as error:
            if self.reference.all_is_written_before(point) and not self.case.asks_after:
                raise Torn("an error, although all was written") from error
        except Exception as error:
            raise Torn(f"the caller sees {type(error).__name__}: {error}") from error
        else:
            if kind == INTERRUPTED:
                raise Torn("the interrupt is swallowed")
            if not same(answer, self.reference.answer):
                raise Torn(f"no error, and the answer is {answer}, not {self.reference.answer}")
            return True
        return False

    # -- the end of the process

    def _kill(self, folder: Path, point: int, kind: str) -> None:
        child = os.fork()
        if child == 0:
            self._be_killed(folder, Outside(point, kind))
        _pid, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            raise Torn(f"its process was to be killed there and ended with status {status}")
        wanted = self.reference.states[-1] if self.case.fresh else self.reference.state_after(point, kind)
        self._recover(folder, wanted, None)

    def _be_killed(self, folder: Path, outside: Outside) -> NoReturn:
        """In the child: nothing of the parent's may be touched, not even by forgetting it."""
        gc.disable()
        try:
            with outside.installed():
                engine = self._engine(folder)
                with outside.watched():
                    self._call(engine)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    # -- afterwards

    def _recover(self, folder: Path, wanted: Contents, engine: Engine | None) -> None:
        """The call is repeated by this engine if it lives on; a new one looks after all the rest."""
        fresh = self.make(url_in(folder))
        try:
            if engine is None:
                fresh.open()
            if (found := held_in(folder)) != wanted:
                raise Torn(f"it is torn:\n{difference(found, wanted)}")
            (self._goes_on if self.case.steps else self._repeats)(folder, wanted, engine or fresh)
            Invariants(self.house, fresh, numbered=0 if self.case.fresh else 1).check()
        finally:
            fresh.close()

    def _repeats(self, folder: Path, before: Contents, engine: Engine) -> None:
        """The same call does what it did not do, or what it does a second time."""
        first = before == self.reference.states[0]
        answer, wanted = self._call(engine), self.reference.answer if first else self.reference.again
        if not same(answer, wanted):
            raise Torn(f"the same call after it answers {answer}, not {wanted}")
        state = self.reference.states[-1] if first else self.reference.after_both
        if (found := held_in(folder)) != state:
            raise Torn(f"the same call after it leaves:\n{difference(found, state)}")

    def _goes_on(self, folder: Path, _before: Contents, engine: Engine) -> None:
        """The steps that are missing are done by the next calls, a while later."""
        for lived in (0.0, 10.0, 20.0):
            with clock.use(StillClock(self.house.now, lived=lived)):
                self._call(engine)
        if (found := held_in(folder)) != self.reference.states[-1]:
            raise Torn(f"the same call after it leaves:\n{difference(found, self.reference.states[-1])}")

    # -- engines and files

    def _call(self, engine: Engine) -> Any:
        return self.case.call(engine, self.house)

    def _copy(self) -> Path:
        self._copies += 1
        folder = self._folder / f"copy-{self._copies}"
        self.house.copy(folder)
        if self.case.fresh:
            (folder / FILE).unlink()
        return folder

    def _engine(self, folder: Path) -> Engine:
        engine = self.make(url_in(folder))
        if not (self.case.fresh or self.case.closed):
            engine.open()
        if self.case.known:
            assert isinstance(engine, SqliteEngine)
            engine._known.update(self.case.known)
        return engine


def held_in(folder: Path) -> Contents:
    """What the file in this folder holds, by a connection that is no engine's."""
    file = folder / FILE
    if not file.exists():
        return {}
    with closing(sqlite3.connect(file)) as db:
        return contents(db)


def _nobody_is_shut_out(folder: Path) -> None:
    """The turn is free, no transaction is left open, and this thread may be interrupted again."""
    if inside := steps.under_way:
        steps.under_way = 0
        raise Torn(f"this thread counts as {inside} steps inside of the engine for ever")
    turn = os.open(folder / f"{FILE}-turn", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with closing(sqlite3.connect(folder / FILE, timeout=0)) as db:
            db.execute("BEGIN IMMEDIATE")
    except (BlockingIOError, sqlite3.OperationalError) as error:
        raise Torn(f"other writers are shut out: {error}") from error
    finally:
        os.close(turn)


def same(one: Any, other: Any) -> bool:
    """Whether two answers are the same, to the types of their parts."""
    return repr(one) == repr(other)
