"""The connections of an engine object: made when needed, kept on a stack, and all given up when one fails.

A stack instead of the driver's pool: a connection is taken and put back without a lock, there are no
threads that a fork would leave behind, and the one used last is used next.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import adapters
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from cardoon.engines.contract import CALL_SECONDS, steps
from cardoon.engines.forks import Gate, heed
from cardoon.engines.postgres import prepared, wire
from cardoon.engines.postgres.connection import Connection, leave_to_parent
from cardoon.engines.postgres.errors import is_demoted, may_repeat, not_connected, translated
from cardoon.engines.postgres.place import Place
from cardoon.engines.postgres.prepared import Row
from cardoon.model.errors import EngineError, EngineUnavailable

MOST = 20
"""Connections of one engine object; who finds all of them taken waits for one."""
REPEATS = 5
_IDLE = int(TransactionStatus.IDLE)
_WITHIN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
MIGRATION_SECONDS = 600.0
T = TypeVar("T")
Q = TypeVar("Q")
V = TypeVar("V")

_context = AdaptersMap(adapters)
wire.teach(_context)


class Connections:
    """The connections of one engine object. `check` judges the first one; a forked process makes its own."""

    def __init__(self, place: Place, check: Callable[[Connection], None]) -> None:
        self.place = place
        self.pooled = False
        """Whether a pooler stands between, that may give each transaction to another session."""
        self.durable = place.profile == "durable"
        self._check = check
        self._generation = 0
        self._forget()
        heed(self)

    def _forget(self) -> None:
        self._gate = Gate()
        self._free = threading.Condition()
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._open = 0
        self._waiting = 0
        self._checked = False
        self._has_settings = True

    # -- calls

    def fetch(self, query: bytes, values: Sequence[Any] = ()) -> list[Row]:
        """The rows of one statement, which is one step. Of a write, its answer may be lost, never a part."""
        return self._at_once(_fetched, query, values)

    def ask(self, statement: prepared.Statement, values: Sequence[bytes | None]) -> list[Row]:
        """The rows of a hot statement, as `fetch` gives them; its values are in binary form."""
        return self._at_once(self._asked, statement, values)

    def _asked(
        self, db: Connection, statement: prepared.Statement, values: Sequence[bytes | None]
    ) -> list[Row]:
        return (prepared.fetch_at_once if self.pooled else prepared.fetch)(db, statement, values)

    def run(self, statement: prepared.Statement, values: Sequence[bytes | None]) -> None:
        """One small statement as one step, by hand, where sessions are ours alone: not `pooled`."""
        self._at_once(prepared.run, statement, values)

    def _at_once(
        self, work: Callable[[Connection, Q, V], T], query: Q, values: V, repeats: int = REPEATS
    ) -> T:
        # As `_again` and `using` do it, in a third of the time.
        steps.under_way += 1
        db = None
        try:
            with self._gate:
                db = self._take()
                return work(db, query, values)
        except (psycopg.Error, OSError) as error:
            told = self._told(error)
            if not (repeats and isinstance(told, _Backed)):
                raise told from (None if told is error else error)
        finally:
            self._end(db)
        return self._at_once(work, query, values, repeats - 1)

    def is_ours(self) -> bool:
        """Whether sessions are ours alone; it connects, if nobody did so far."""
        if not self._all:
            with self.using():
                pass
        return not self.pooled

    def send(self, statement: prepared.Statement, values: Sequence[bytes | None]) -> Connection:
        """The first half of `ask`, where sessions are ours alone; `receive` must follow."""
        with self.using() as db:
            prepared.send(db, statement, values)
            db.is_lent = True
        return db

    def receive(self, db: Connection, statement: prepared.Statement) -> list[Row] | None:
        """The second half; None where nothing was done, and it is to be done anew."""
        db.is_lent = False
        try:
            with self.using(db):
                return prepared.receive(db, statement)
        except _Backed:
            return None

    def write(self, query: bytes, values: Sequence[Any] = ()) -> int:
        """How many rows one writing statement changed."""
        return self._again(lambda: self._written(query, values))

    def _written(self, query: bytes, values: Sequence[Any]) -> int:
        if not self.pooled:
            with self.using() as db:
                return db.kept(query).execute(query, values).rowcount
        with self.transaction() as db:
            return db.kept(query).execute(query, values).rowcount

    def step(self, work: Callable[[Connection], T]) -> T:
        """What `work` answers, in a transaction; it is done anew when another step was in its way."""
        return self._again(lambda: self._stepped(work))

    def _stepped(self, work: Callable[[Connection], T]) -> T:
        with self.transaction() as db:
            answer: T = work(db)
        return answer

    def _again(self, work: Callable[[], T]) -> T:
        """The server takes one of two steps back that wait for each other; then nothing was written."""
        for _ in range(REPEATS):
            try:
                return work()
            except _Backed:
                continue
        return work()

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """Several statements as one step: committed at the end of the block, rolled back if it raises."""
        with self.using() as db:
            prepared.say(db, b"BEGIN")
            try:
                if self.pooled:
                    db.execute(f"SET LOCAL synchronous_commit = {'on' if self.durable else 'off'}".encode())
                yield db
            except BaseException:
                _roll_back(db)
                raise
            prepared.say(db, b"COMMIT")

    @contextmanager
    def using(self, db: Connection | None = None) -> Generator[Connection]:
        """A connection for this block. When it fails, all are given up: the others have the same fate."""
        steps.under_way += 1
        try:
            with self._gate:
                db = db or self._take()
                yield db
        except (psycopg.Error, OSError) as error:
            raise (told := self._told(error)) from (None if told is error else error)
        finally:
            self._end(db)

    def _told(self, error: psycopg.Error | OSError) -> Exception:
        """What the caller hears of it."""
        if isinstance(error, EngineError):
            return error
        if isinstance(error, psycopg.Error) and may_repeat(error):
            return _Backed(str(error))
        if is_demoted(error):
            self.give_up()  # the primary may be elsewhere by now
        return translated(error, self.place)

    def _end(self, db: Connection | None) -> None:
        # Nested, so that a signal handler that raises anywhere cannot skip a release.
        try:
            if db is not None:
                self._put_back(db)
        finally:
            steps.under_way -= 1
            if steps.owed and not steps.under_way:
                steps.owed = False
                signal.raise_signal(signal.SIGALRM)

    @contextmanager
    def unchecked(self) -> Generator[Connection]:
        """A connection of its own, with more patience, to whatever lies there; for migrations."""
        db = self.connect()
        db.patience = MIGRATION_SECONDS
        try:
            yield db
        except psycopg.Error as error:
            raise translated(error, self.place) from error
        finally:
            db.close()

    # -- the stack

    def _take(self) -> Connection:
        """One that is idle, else a new one. What a thread takes and puts back costs no lock."""
        try:
            while (found := self._idle.pop()).ear.poll(0):  # it was closed, or speaks unasked
                self.give_up()
                self._drop(found)
            return found
        except IndexError:
            return self._another()

    def _another(self) -> Connection:
        with self._free:
            self._waiting += 1
            try:
                may = self._free.wait_for(lambda: self._idle or self._open < MOST, CALL_SECONDS)
            finally:
                self._waiting -= 1
            if not may:
                raise EngineUnavailable(
                    f"all {MOST} connections to {self.place.shown} were in use for {CALL_SECONDS:g} s"
                )
            is_new = self._open < MOST
            self._open += is_new
        if not is_new:
            return self._take()
        try:
            return self._fresh()
        except BaseException:
            self._closed()
            raise

    def _closed(self) -> None:
        with self._free:
            self._open -= 1
            self._free.notify()

    def _put_back(self, db: Connection) -> None:
        if db.pgconn.transaction_status != _IDLE:
            if db.is_lent:
                return
            self.give_up()
        if db.generation != self._generation:
            self._drop(db)
            return
        self._idle.append(db)
        if self._waiting:
            with self._free:
                self._free.notify()

    def _drop(self, db: Connection) -> None:
        if db in self._all:
            self._all.discard(db)
            self._closed()
        with suppress(psycopg.Error, OSError):
            db.close()

    def give_up(self) -> None:
        """Close what is idle, and what is in use when it is put back: the one way to begin afresh."""
        self._generation += 1
        while self._idle:
            self._drop(self._idle.pop())

    def _fresh(self) -> Connection:
        db = self.connect()
        self._all.add(db)
        if not self._checked:
            try:
                self._check(db)
            except BaseException:
                self._all.discard(db)
                db.close()
                raise
            self._checked = True
        return db

    def connect(self) -> Connection:
        """A new connection outside of the stack."""
        generation = self._generation
        try:
            db = self._connected()
        except psycopg.Error as error:
            raise not_connected(error, self.place) from None
        db.generation = generation
        try:
            self._know(db)
        except psycopg.Error as error:
            db.close()
            raise not_connected(error, self.place) from None
        except BaseException:
            db.close()
            raise
        return db

    def _connected(self) -> Connection:
        libpq = dict(self.place.libpq)
        if not self._has_settings:
            del libpq["options"]
        try:
            return Connection.connect(make_conninfo(**libpq), autocommit=True, context=_context)
        except psycopg.Error as error:
            # Poolers know no settings at the start; then the functions and transactions bring their own.
            if not self._has_settings or "startup parameter" not in str(error):
                raise
            self._has_settings = False
            return self._connected()

    def _know(self, db: Connection) -> None:
        """Learn whether this session is ours alone: a pooler tells a process id that is not the session's."""
        pid = db.execute("SELECT pg_backend_pid()").fetchall()[0][0]
        self.pooled = not self._has_settings or pid != db.info.backend_pid
        db.prepare_threshold = None if self.pooled else 2
        if not self.pooled:
            wanted = "on" if self.durable else "off"
            db.execute(
                b"SELECT set_config('synchronous_commit', %s, false) WHERE %s <> 'on' "
                b"OR current_setting('synchronous_commit') <> 'remote_apply'",
                [wanted, wanted],
            )

    def close(self) -> None:
        """Let go of every connection; those in use go when they are put back."""
        self.give_up()
        self._checked = False

    # -- forks

    def before_fork(self) -> None:
        """See `Forkable`."""
        self._gate.close()

    def after_fork(self) -> None:
        """See `Forkable`."""
        self._gate.open()

    def forked(self) -> None:
        """See `Forkable`. The sessions are the parent's: nothing may be said to the server on them."""
        for db in self._all:
            leave_to_parent(db)
        self._forget()


def _roll_back(db: Connection) -> None:
    """Leave the transaction, if the server can still be asked to; else it ends with the connection."""
    # The driver's own blocks tell the log of every one that cannot.
    if db.pgconn.transaction_status in _WITHIN:
        with suppress(psycopg.Error):
            prepared.say(db, b"ROLLBACK")


def _fetched(db: Connection, query: bytes, values: Sequence[Any]) -> list[Row]:
    return db.kept(query).execute(query, values).fetchall()


class _Backed(psycopg.OperationalError):
    """The server took the step back, for another's sake."""
