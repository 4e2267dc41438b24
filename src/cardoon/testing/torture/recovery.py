"""How long it takes until what a fault interrupted is being run again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import msgspec

from cardoon.testing.torture.evidence import Evidence
from cardoon.testing.torture.ledger import Record

SELF_MADE = "poison"
"""The kind of the deaths that a task brought about itself."""

HELD_UP = ", held up"
"""Said of a death when nothing was started anywhere for `_STANDSTILL` while the server was away or a
process was stopped: one that is stopped within its turn to write keeps the turn of a SQLite file.

Said of a stop when the server was away meanwhile, since silence then says nothing, or when a whole worker was
stopped and no other one lived all the time, to hear its silence.
"""
_STANDSTILL = 1_000_000_000
_OUTAGE = 100_000_000
"""Nanoseconds. What is shorter only cuts connections."""


class Recovery(msgspec.Struct, frozen=True):
    """Seconds from a fault to the next start of a job that it interrupted; over `jobs` of them.

    Of an outage of the server: from its end to the next start of any job.
    """

    jobs: int
    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Recovery:
        """The figures of at least one duration."""
        ordered = sorted(seconds)
        return cls(
            jobs=len(ordered), p50=_at(ordered, 0.5), p99=_at(ordered, 0.99), max=round(ordered[-1], 3)
        )


def _at(ordered: list[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    return round(ordered[ceil(share * len(ordered)) - 1], 3)


class Interruption(NamedTuple):
    """A start that a fault cut short, and the next start of the same job, so many seconds after the fault."""

    kind: str
    first: Record
    second: Record
    seconds: float


def interruptions(evidence: Evidence) -> Iterator[Interruption]:
    """Every start that was cut short and repeated. Time in line is included."""
    starts, is_held_up = _starts(evidence), _judge(evidence)
    for fault in evidence.events("kill", "stop", "die"):
        kind = fault.data.get("kind", SELF_MADE)
        for first, second in (pair for pid in _struck(fault) for pair in starts.get(pid, ())):
            if second.at > fault.at and _interrupted(evidence, first, fault):
                held_up = is_held_up(fault, first, second)
                seconds = (second.at - fault.at) / 1e9
                yield Interruption(kind + HELD_UP * held_up, first, second, seconds)


def _judge(evidence: Evidence) -> Callable[[Record, Record, Record], bool]:
    """What tells of a fault, the start that it cut short, and the next one, whether that was held up."""
    standstills = list(_standstills(evidence))
    outages = [(begin, end) for begin, end in _outages(evidence) if end - begin > _OUTAGE]
    lives = _lives(evidence)

    def is_held_up(fault: Record, first: Record, second: Record) -> bool:
        if fault.event != "stop":
            return _meets(standstills, fault.at, second.at)
        if _meets(outages, fault.at, second.at):
            return True
        others = [life for worker, life in lives.items() if worker != first.data.get("parent")]
        is_whole = first.data.get("parent") in fault.data["pids"]
        return is_whole and not any(begin <= fault.at and end >= second.at for begin, end in others)

    return is_held_up


def _meets(times: Iterable[tuple[int, float]], begin: int, end: int) -> bool:
    return any(one < end and other > begin for one, other in times)


def _lives(evidence: Evidence) -> dict[int, tuple[int, int]]:
    """Of each worker, by the pid of its supervisor: from when to when its processes told of themselves."""
    lives: dict[int, tuple[int, int]] = {}
    for record in evidence.events("ready", "start"):
        worker = record.data.get("parent", 0)
        begin, end = lives.get(worker, (record.at, record.at))
        lives[worker] = min(begin, record.at), max(end, record.at)
    return lives


def recoveries(evidence: Evidence) -> dict[str, Recovery]:
    """The figures for each kind of fault that interrupted anything."""
    found: dict[str, list[float]] = defaultdict(list)
    for interruption in interruptions(evidence):
        found[interruption.kind].append(interruption.seconds)
    for kind, seconds in returns(evidence):
        found[kind].append(seconds)
    return {kind: Recovery.of(seconds) for kind, seconds in sorted(found.items())}


def returns(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """The end of each outage of the server, and after so many seconds anything was started again.

    One that another outage cut short is left out.
    """
    moments = sorted((r.at, r) for r in evidence.events("over", "storm", "start"))
    for (_, over), (_, then) in pairwise(moments):
        if over.event == "over" and then.event == "start":
            yield over.data["kind"], (then.at - over.at) / 1e9


def _standstills(evidence: Evidence) -> Iterator[tuple[int, int]]:
    """When nothing was started for long while a process was stopped or the server away: from when to when."""
    stops = [(stop.at, stop.at + stop.data["seconds"] * 1e9) for stop in evidence.events("stop")]
    stops += _outages(evidence)
    for before, after in pairwise(sorted(start.at for start in evidence.events("start"))):
        if after - before > _STANDSTILL and any(begin < after and end > before for begin, end in stops):
            yield before, after


def _outages(evidence: Evidence) -> Iterator[tuple[int, float]]:
    """When the server was away or silent: from when to when. There is one such storm at a time."""
    for storm, over in pairwise(sorted(evidence.events("storm", "over"), key=lambda record: record.at)):
        if (storm.event, over.event) == ("storm", "over"):
            yield storm.at, over.at


def _struck(fault: Record) -> list[int]:
    if fault.event == "stop":
        return fault.data["affects"] if fault.data["seconds"] > fault.data["after"] else []
    pids: list[int] = fault.data.get("pids", [fault.pid])
    return pids


def _starts(evidence: Evidence) -> dict[int, list[tuple[Record, Record]]]:
    """By process: each start there with the next one of the same job, unless that is the retry for which it
    asked itself: who was stopped goes on in the end.
    """
    by_job: dict[str, list[Record]] = defaultdict(list)
    for start in evidence.events("start"):
        by_job[start.id].append(start)
    pairs: dict[int, list[tuple[Record, Record]]] = defaultdict(list)
    for starts in by_job.values():
        ordered = sorted(starts, key=lambda record: record.token)
        for first, second in pairwise(ordered):
            if second.retries == first.retries:
                pairs[first.pid].append((first, second))
    return pairs


def _interrupted(evidence: Evidence, first: Record, fault: Record) -> bool:
    """Whether an attempt was under way when the fault came."""
    ends = evidence.of(first.id, "effect", "retry")
    return first.at <= fault.at and not any(r.token == first.token and r.at <= fault.at for r in ends)
