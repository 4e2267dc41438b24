"""The one thread that waits for the results of all async callers of an engine."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

from cardoon.engines.contract import DOUBT_SECONDS, Engine
from cardoon.model import clock
from cardoon.model.job import Filter, Job

End = asyncio.Future[Job | None]
"""Of the final job; None when there is no such job."""

_LATE_SECONDS = 2.0
"""`DOUBT_SECONDS` where other results come all the time."""
_LONGEST_SECONDS = 1.0
_AWAY_SECONDS = 0.5
_PAGE = 100


class Waiter:
    """Waits in a thread of its own, which ends when nobody is left."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mutex = threading.Lock()
        self._wanted: dict[str, list[End]] = {}
        self._unsure: set[str] = set()
        self._unsure_since = 0.0
        self._roused = False
        self._thread: threading.Thread | None = None

    def future(self, id: str) -> End:
        """What the running loop awaits for the end of this job; `drop` it when it is awaited no more."""
        future: End = asyncio.get_running_loop().create_future()
        with self._mutex:
            self._wanted.setdefault(id, []).append(future)
            if not self._unsure:
                self._unsure_since = clock.monotonic()
            self._unsure.add(id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cardoon-results", daemon=True)
                self._thread.start()
            is_first = self._is_first_to_rouse()
        if is_first:
            self._engine.wake()
        return future

    def _is_first_to_rouse(self) -> bool:
        """Whether the thread is to be woken to look anew who waits; once is enough until it does."""
        known, self._roused = self._roused, True
        return not known

    def drop(self, id: str, future: End) -> None:
        """Nobody awaits this any more, before it was told."""
        with self._mutex:
            waiting = self._wanted.get(id, [])
            if future not in waiting:
                return  # it was told
            waiting.remove(future)
            if not waiting:
                del self._wanted[id]
            is_first = not self._wanted and self._is_first_to_rouse()
        if is_first:
            self._engine.wake()

    def _run(self) -> None:
        while ids := self._ids():
            try:
                found = self._engine.wait_results(ids, DOUBT_SECONDS if self._unsure else _LONGEST_SECONDS)
                self._tell(found)
                self._make_sure(_LATE_SECONDS if found else DOUBT_SECONDS)
            except Exception:
                # The engine is away: those who wait go on waiting, until their own time is up.
                threading.Event().wait(_AWAY_SECONDS)

    def _ids(self) -> list[str]:
        """For what somebody waits; nothing is the end of this thread."""
        with self._mutex:
            self._roused = False
            if not self._wanted:
                self._thread = None
            return list(self._wanted)

    def _make_sure(self, after: float) -> None:
        """Tell who waits for a job that is not there, once somebody may have waited so many seconds.

        A few at a time: most are there, and their results may come meanwhile.
        """
        if not self._unsure or clock.monotonic() - self._unsure_since < after:
            return
        with self._mutex:
            self._unsure.intersection_update(self._wanted)
            asked = frozenset(islice(self._unsure, _PAGE))
        self._tell(dict.fromkeys(asked - self._known_among(asked)))
        with self._mutex:
            self._unsure -= asked
            self._unsure_since = clock.monotonic()

    def _known_among(self, ids: frozenset[str]) -> set[str]:
        known, page = set[str](), None
        while True:
            found = self._engine.find(Filter(ids=ids), page=page, limit=_PAGE, brief=True)
            known.update(job.id for job in found.jobs)
            page = found.next
            if page is None:
                return known

    def _tell(self, found: Mapping[str, Job | None]) -> None:
        told: dict[asyncio.AbstractEventLoop, list[tuple[End, Job | None]]] = {}
        with self._mutex:
            for id, job in found.items():
                for future in self._wanted.pop(id, ()):
                    told.setdefault(future.get_loop(), []).append((future, job))
        for loop, ends in told.items():
            with suppress(RuntimeError):  # it is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, ends)


def _resolve(ends: Sequence[tuple[End, Job | None]]) -> None:
    for future, job in ends:
        if not future.done():
            future.set_result(job)


_waiters: weakref.WeakKeyDictionary[Engine, Waiter] = weakref.WeakKeyDictionary()


def _forget_waiters() -> None:
    """In a forked process: their threads stayed behind, and their locks may be held by one of these."""
    global _waiters
    _waiters = weakref.WeakKeyDictionary()


os.register_at_fork(after_in_child=_forget_waiters)


def waiter_of(engine: Engine) -> Waiter:
    """The one waiter of an engine object."""
    found = _waiters.get(engine)
    if found is None:
        found = _waiters.setdefault(engine, Waiter(engine))
    return found
