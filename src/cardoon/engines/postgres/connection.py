"""One connection to the server: bounded in time, with what it learned of our statements."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from functools import cached_property
from inspect import signature
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen, Transformer

from cardoon.engines.contract import CALL_SECONDS
from cardoon.engines.postgres.errors import TookTooLong
from cardoon.engines.postgres.prepared import Row
from cardoon.model import clock

T = TypeVar("T")

_HAS_TIMEOUT = "timeout" in signature(psycopg.Connection.wait).parameters
"""Newer drivers watch the time themselves, and faster."""


class Connection(psycopg.Connection[Row]):
    """One that never waits for its server longer than a call may take."""

    patience = CALL_SECONDS
    generation = 0
    is_lent = False
    """Whether it is between the two halves of a call."""

    def __del__(self, _warn: Any = None, /) -> None:
        """It goes with the engine object that it belongs to."""
        with suppress(Exception):
            self.close()

    @cached_property
    def ear(self) -> select.poll:
        """Hears what the server says."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN | select.POLLHUP)
        return poll

    @cached_property
    def prepared(self) -> set[bytes]:
        """The names of what was prepared by hand."""
        return set()

    @cached_property
    def readers(self) -> dict[bytes, Transformer]:
        """What reads the rows of each statement that goes by hand: it knows their types."""
        return {}

    @cached_property
    def _kept(self) -> dict[bytes, psycopg.Cursor[Row]]:
        return {}

    def kept(self, query: bytes) -> psycopg.Cursor[Row]:
        """One cursor for each of our queries: what it learned of types it need not learn again."""
        cursor = self._kept.get(query)
        if cursor is None:
            cursor = self._kept[query] = self.cursor(binary=True)
        return cursor

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """See `psycopg.Connection.wait`."""
        seconds = self.patience if timeout is None else min(timeout, self.patience)
        deadline = clock.monotonic() + seconds
        if not _HAS_TIMEOUT:
            return super().wait(_bounded(gen, deadline), interval)
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.OperationalError as error:
            if error.sqlstate is None and clock.monotonic() >= deadline:
                raise TookTooLong("no answer") from error
            raise


def _bounded(gen: PQGen[T], deadline: float) -> PQGen[T]:
    """The same conversation with the server, broken off when it has been silent until the deadline."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and clock.monotonic() > deadline:
                raise TookTooLong("no answer")
            wanted = gen.send(ready)
    except StopIteration as end:
        value: T = end.value
        return value


def leave_to_parent(db: Connection) -> None:
    """Let go of a connection that a fork copied, without a word to the server."""
    with suppress(psycopg.Error, OSError):
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(nowhere, db.fileno(), inheritable=False)
        os.close(nowhere)
        db.close()
