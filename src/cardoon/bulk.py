"""What is done with all jobs that match a filter: gone through, counted, retried, cancelled, deleted.

Each page of jobs is acted on in one step; jobs made meanwhile are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from cardoon.engines.contract import Engine
from cardoon.model.job import Filter, Job
from cardoon.model.query.parse import parse
from cardoon.model.query.tree import Every, Names, names_of, states_of, tree_of
from cardoon.model.states import FINAL, State

What: TypeAlias = str | Filter
"""Which jobs: the text of a filter, or a filter in parts. An empty one is every job."""

FAILING = frozenset({State.FAILED, State.QUARANTINED})
"""What a retry takes where neither states nor ids are named."""

REPLAYABLE = FINAL | {State.PARKED}
CANCELLABLE = frozenset(State) - FINAL
DELETABLE = frozenset(State) - {State.RUNNING}

_PAGE = 500
"""So many jobs are acted on in one step: more would keep other writers waiting."""

_LOOK = 5_000


def filter_of(what: What) -> Filter:
    """The filter; raises InvalidFilter, which points at the character that is wrong."""
    return what if isinstance(what, Filter) else Filter(query=parse(what))


def only(what: What, states: frozenset[State]) -> Filter:
    """The filter, and one of these states besides."""
    return Filter(query=Every((tree_of(filter_of(what)), Names("state", frozenset(map(str, states))))))


def to_retry(what: What) -> Filter:
    """Those of them that a retry takes: all that can wait again where states or ids are named, else
    the `FAILING` ones.
    """
    tree = tree_of(filter_of(what))
    named = names_of(tree, "id") is not None or states_of(tree) != frozenset(State)
    return only(what, REPLAYABLE if named else FAILING)


def to_cancel(what: What) -> Filter:
    """Those of them that have not ended."""
    return only(what, CANCELLABLE)


def to_delete(what: What) -> Filter:
    """Those of them that do not run."""
    return only(what, DELETABLE)


def walk(engine: Engine, filter: Filter) -> Iterator[Job]:
    """All jobs that match, newest first, with all that is known of them."""
    for jobs in _pages(engine, filter, _PAGE, brief=False):
        yield from jobs


def count(engine: Engine, filter: Filter) -> int:
    """How many jobs match."""
    return sum(map(len, _pages(engine, filter, _LOOK)))


def retry(engine: Engine, what: What) -> int:
    """Let them wait again under their ids; how many do."""
    return _act(engine, to_retry(what), lambda ids: len(engine.replay(ids)))


def cancel(engine: Engine, what: What, *, terminate: bool = False) -> int:
    """Cancel them; those that run are marked, and ended with `terminate`. How many were reached."""

    def act(ids: list[str]) -> int:
        states = engine.cancel(ids, terminate=terminate).values()
        return sum(state in (State.CANCELLED, State.RUNNING) for state in states)

    return _act(engine, to_cancel(what), act)


def delete(engine: Engine, what: What) -> int:
    """Forget them with all that is kept of them; how many."""
    return _act(engine, to_delete(what), lambda ids: len(engine.delete(ids)))


def _act(engine: Engine, filter: Filter, act: Callable[[list[str]], int]) -> int:
    return sum(act([job.id for job in jobs]) for jobs in _pages(engine, filter, _PAGE))


def _pages(engine: Engine, filter: Filter, size: int, *, brief: bool = True) -> Iterator[list[Job]]:
    page: str | None = None
    while True:
        found = engine.find(filter, page=page, limit=size, brief=brief)
        if found.jobs:
            yield found.jobs
        page = found.next
        if page is None:
            return
