"""What a waiting job costs where it waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target
from benchmarks.floors.floor import Floor, rows
from benchmarks.ground import Ground
from benchmarks.ground import ground as a_server
from benchmarks.scale import Scale
from benchmarks.stored import stored_size


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    """One: the same jobs take the same room. A server that held more before gives that back meanwhile."""
    with (
        a_server(ground.engine) as own,
        own.fresh_room() as place,
        stored_in(place),
        closing(own.floor(place)) as floor,
    ):
        size = stored_size(add.delay(0, 0))
        before = floor.bytes_used()
        add.starmap((i, 1) for i in range(scale.waiting))
        ours = floor.bytes_used() - before
        yield {"a waiting job": Pair(ours / scale.waiting, _floor(floor, scale.waiting, size))}


def _floor(floor: Floor, jobs: int, size: int) -> float:
    before = floor.bytes_used()
    floor.insert_many(rows(jobs, size))
    return (floor.bytes_used() - before) / jobs


SIZE = Scenario(
    "size",
    "By how many bytes each of 20,000 waiting no-op jobs (100,000 with `--full`), sent in bulk, lets a "
    "fresh server grow: Redis in memory (`used_memory`), PostgreSQL on its disk (the size of its database). "
    "Floor: the driver stores rows of the size of the message. The name of the room, a part of each key of "
    "Redis, is as long as the usual one.",
    [Line("a waiting job", "B", {"redis": Target(220, at_most=True)})],
    rounds,
    engines=("postgres", "redis"),
)
