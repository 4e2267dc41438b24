"""Finding jobs, page by page, with a bounded amount of work for each.

Where a filter names ids, or only states that few jobs are in, these alone are looked at; else all jobs are,
newest first, some hundred at a time. What does not match at a glance is not even read. When its time is up a
page is told as far as it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable

import msgspec

from cardoon.engines.contract import page_number
from cardoon.engines.redis.connection import Connections
from cardoon.engines.redis.keys import id_of, key_of
from cardoon.engines.redis.records import CODES, Record, job_of, record_of
from cardoon.model import clock
from cardoon.model.job import Filter, Job, Page
from cardoon.model.query.match import matches
from cardoon.model.query.tree import Node, names_of, states_of, tree_of
from cardoon.model.states import State

PAGE_SECONDS = 0.25
"""When so much time is gone no further jobs are looked at."""

FEW = 5_000
"""So many jobs are all read and sorted."""

_WINDOW = 500
_NEEDLES = 8

Found = tuple[int, bytes, bytes]
"""Number, id and record of a job, as the server has them."""


class Search:
    """One page of a filter."""

    def __init__(self, server: Connections, filter: Filter, page: str | None, limit: int) -> None:
        self._server = server
        self._tree = tree_of(filter)
        self._glance = Glance(self._tree)
        self._now = clock.now()
        self._below = None if page is None else page_number(page)
        self._limit = limit

    def page(self) -> Page:
        """The jobs, and where to go on."""
        deadline = clock.monotonic() + PAGE_SECONDS
        found: list[Job] = []
        last = 0
        for window, oldest in self._windows():
            for seq, job in self._matching(window):
                if len(found) == self._limit:
                    return Page(found, str(last))
                found.append(job)
                last = seq
            if oldest and clock.monotonic() > deadline:
                return Page(found, str(oldest))
        return Page(found)

    def _matching(self, window: Iterable[Found]) -> Generator[tuple[int, Job]]:
        for seq, key, kept in window:
            record = record_of(kept)
            if self._glance.passes(record):
                job = job_of(id_of(key), record)
                if matches(self._tree, job, self._now):
                    yield seq, job

    # -- where they are

    def _windows(self) -> Generator[tuple[list[Found], int]]:
        """All jobs that may match, newest first, some at a time, and where those end (0 after all)."""
        ids = names_of(self._tree, "id")
        if ids is not None:
            yield self._these(map(key_of, sorted(ids)), 0), 0
            return
        below = self._below
        while (candidates := self._candidates(below)) is not None:
            bound, keys = candidates
            yield self._these(keys, bound), bound
            if not bound:
                return
            below = bound
        yield from self._walk(below)

    def _candidates(self, below: int | None) -> tuple[int, list[bytes]] | None:
        """The ids of those that are in the states that are asked for; None where they are too many."""
        states = states_of(self._tree)
        if State.SUCCEEDED in states:
            return None
        codes = [CODES[state] for state in states]
        told = self._server.run("candidates", "" if below is None else below, FEW, *codes)
        return (told[0], told[1:]) if told else None

    def _these(self, keys: Iterable[bytes], bound: int) -> list[Found]:
        """The jobs of these ids that are on this page or later ones, as far as to `bound`."""
        found: list[Found] = []
        for part in _parts(list(keys)):
            kept = self._server.command("MGET", *[self._server.key(b"j", key) for key in part])
            found += [(record_of(k).seq, key, k) for key, k in zip(part, kept, strict=True) if k is not None]
        here = {job[0]: job for job in found if job[0] >= bound and self._is_below(job[0])}
        return [here[seq] for seq in sorted(here, reverse=True)]

    def _is_below(self, seq: int) -> bool:
        return self._below is None or seq < self._below

    def _walk(self, below: int | None) -> Generator[tuple[list[Found], int]]:
        """All jobs."""
        start = "" if below is None else below
        while start != 0:
            start, *told = self._server.run("window", start, _WINDOW)
            yield list(zip(told[::3], told[1::3], told[2::3], strict=True)), start


class Glance:
    """What can be told of a record without reading its message; it passes every job that matches."""

    def __init__(self, tree: Node) -> None:
        self._states = {CODES[state] for state in states_of(tree)}
        self._queues = names_of(tree, "queue")
        self._needles = [_needles(names_of(tree, field)) for field in ("task", "parent")]

    def passes(self, record: Record) -> bool:
        """Whether the job may match."""
        if record.state not in self._states or (
            self._queues is not None and record.queue not in self._queues
        ):
            return False
        body = record.body
        return all(any(needle in body for needle in needles) for needles in self._needles if needles)


def _needles(names: Collection[str] | None) -> list[bytes]:
    """The names as they stand in a message, unless they are many."""
    return [] if names is None or len(names) > _NEEDLES else list(map(msgspec.json.encode, names))


def _parts(keys: list[bytes]) -> Iterable[list[bytes]]:
    return (keys[start : start + _WINDOW] for start in range(0, len(keys), _WINDOW))
