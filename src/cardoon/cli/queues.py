"""`cardoon queues`: how many jobs of each queue wait, run and have ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click
import msgspec

from cardoon.cli.options import app_option, examples, json_option, url_option, verbose_option
from cardoon.cli.target import engine_to_look_at
from cardoon.cli.text import Column, document, duration, table
from cardoon.engines.contract import Engine, QueueInfo
from cardoon.model import clock
from cardoon.model.job import Report
from cardoon.model.states import FINAL, WAITING, State

_COLUMNS = [
    Column("QUEUE", shrinks=True),
    *(Column(title, right=True) for title in ("READY", "DELAYED", "RUNNING", "PARKED", "ENDED", "OLDEST")),
    Column("NOTE"),
]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A queue in numbers. `delayed` counts retries too, `parked` what is blocked too.

    `oldest_wait` is the seconds that its oldest ready job waits; None when none does. `states` are
    the counts of all states; `ended` counts since the queue is known. `consumers` counts the worker
    processes that take jobs of it.
    """

    name: str
    ready: int
    delayed: int
    running: int
    parked: int
    ended: int
    oldest_wait: float | None
    paused: bool
    consumers: int
    states: dict[State, int]


@click.command(
    epilog=examples("cardoon queues -A tasks:app", "cardoon queues --url sqlite:///jobs.db --json")
)
@app_option
@url_option
@json_option
@verbose_option
def queues(app: str | None, url: str | None, as_json: bool) -> None:
    """Show the queues: what waits, runs and has ended in each."""
    engine = engine_to_look_at(app, url)
    found = lines(engine)
    engine.close()
    if as_json:
        return document(found)
    if not found:
        click.echo("no job was sent yet")
        return None
    return table(_COLUMNS, [_row(line) for line in found])


def lines(engine: Engine) -> list[Line]:
    """A line for each queue that the engine knows, by name."""
    counts, workers = engine.count(), engine.workers()
    return [_line(info, counts.get(info.name, {}), consumers(workers, info.name)) for info in engine.queues()]


def consumers(workers: Iterable[Report], queue: str) -> int:
    """How many of these worker processes take jobs of this queue."""
    return sum(not worker.queues or queue in worker.queues for worker in workers)


def _line(info: QueueInfo, states: dict[State, int], consumers: int) -> Line:
    def total(*wanted: State) -> int:
        return sum(states.get(state, 0) for state in wanted)

    return Line(
        name=info.name,
        ready=total(State.READY),
        delayed=total(State.DELAYED, State.RETRYING),
        running=total(State.RUNNING),
        parked=total(State.PARKED, State.BLOCKED),
        ended=total(*FINAL),
        oldest_wait=info.oldest and clock.now() - info.oldest,
        paused=info.paused,
        consumers=consumers,
        states=states,
    )


def _row(line: Line) -> list[str]:
    numbers = (line.ready, line.delayed, line.running, line.parked, line.ended)
    waits = "-" if line.oldest_wait is None else duration(line.oldest_wait)
    return [line.name, *map(str, numbers), waits, ", ".join(_notes(line)) or "-"]


def _notes(line: Line) -> Iterator[str]:
    if line.paused:
        yield "paused"
    if not line.consumers and any(line.states.get(state) for state in WAITING):
        yield "no consumer"
