"""Which jobs a command is about: ids, or the ends of them that lists and logs show, and a filter."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cardoon.engines.contract import Engine
from cardoon.model.errors import UnknownJob
from cardoon.model.job import Filter, Job
from cardoon.model.query.parse import parse
from cardoon.model.query.tree import Either, Names

_SHOWN = 3

ids_argument = click.argument("ids", nargs=-1, metavar="[ID]...")
filter_option = click.option(
    "-f", "--filter", "text", metavar="FILTER", help="All jobs that match, such as 'state:failed queue:mail'."
)


def picked(engine: Engine, ids: Sequence[str], text: str | None) -> Filter:
    """The jobs of these ids; of those, or of all jobs, the ones that match the filter.

    Raises UnknownJob for an id that leads to no job, or to several; InvalidFilter. Leaves with 2 where
    nothing was said, so that nothing is ever done to all jobs by an oversight.
    """
    query = None if text is None else parse(text)
    if not ids and not (text or "").strip():
        raise click.UsageError("name jobs by their ids, or with --filter ('*' is every job)")
    return Filter(ids=frozenset(resolve(engine, id).id for id in ids), query=query)


def resolve(engine: Engine, id: str) -> Job:
    """The job of an id, or of the end or the beginning of one; raises UnknownJob."""
    exact = engine.result(id)
    if exact is not None:
        return exact
    found = _of_part(engine, id)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnknownJob(f"no job {id!r} here, nor one whose id ends or begins so")
    lines = [f"  {job.id}  {job.state}  {job.task}" for job in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append("  and others")
    raise UnknownJob("\n".join([f"{id!r} may be one of several jobs:", *lines]))


def _of_part(engine: Engine, part: str) -> list[Job]:
    """The newest jobs whose id ends or begins so, one more than are shown."""
    wanted = Filter(query=Either((Names("id", patterns=(("", part), (part, ""))),)))
    found: list[Job] = []
    page: str | None = None
    while True:
        some = engine.find(wanted, page=page, limit=_SHOWN + 1 - len(found))
        found += some.jobs
        page = some.next
        if page is None or len(found) > _SHOWN:
            return found
