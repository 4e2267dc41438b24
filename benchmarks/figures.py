"""What a scenario measures: lines with a target, and the figures that fill them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median, quantiles
from typing import Literal

import msgspec

from benchmarks.ground import GROUNDS, Ground
from benchmarks.scale import Scale

NOISE = 0.10
"""A smaller difference is a tie: the same program differs by as much from run to run."""

Verdict = Literal["yes", "tie", "no", ""]


class Target(msgspec.Struct, frozen=True):
    """What is to be reached: by our own value, or by its ratio to the floor."""

    value: float
    by: Literal["ours", "ratio"] = "ours"
    at_most: bool = False

    def verdict(self, reached: float) -> Verdict:
        """`tie` for what is missed by less than the noise."""
        short = reached / self.value - 1 if self.at_most else 1 - reached / self.value
        return "yes" if short <= 0 else "tie" if short < NOISE else "no"


def everywhere(target: Target) -> dict[str, Target]:
    """The same for every engine."""
    return dict.fromkeys(GROUNDS, target)


def by_engine(**targets: Target) -> dict[str, Target]:
    """One for each that is named, with `_` for the dash in it."""
    return {name.replace("_", "-"): target for name, target in targets.items()}


class Line(msgspec.Struct, frozen=True):
    """One line of the table, with the target of each engine that has one; without it informs."""

    name: str
    unit: str
    targets: Mapping[str, Target] = {}
    places: int = 0


class Pair(msgspec.Struct, frozen=True):
    """What one round measured for one line."""

    ours: float
    floor: float | None = None


Readings = Mapping[str, Pair]
"""The pair of each line, by its name. A line that an engine does not have is left out."""


class Scenario(msgspec.Struct, frozen=True):
    """One way of using Cardoon. `rounds` yields the readings of each round as it is measured.

    Where it has nothing to do with the engine, or makes sense on some only, `engines` names those.
    """

    name: str
    method: str
    lines: Sequence[Line]
    rounds: Callable[[Ground, Scale], Iterator[Readings]]
    engines: Sequence[str] = GROUNDS


class Spread(msgspec.Struct, frozen=True):
    """The middle and the ends of what the rounds measured."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))


class Figure(msgspec.Struct, frozen=True):
    """A line with what was measured for it. `ratio` is ours to the floor, taken within each round."""

    scenario: str
    name: str
    unit: str
    places: int
    target: Target | None
    ours: Spread
    floor: Spread | None
    ratio: Spread | None
    verdict: Verdict


def percentile(values: Sequence[float], percent: int) -> float:
    """So many percent of these are no larger; of a few values the largest ones decide."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def figure(engine: str, scenario: str, line: Line, pairs: Sequence[Pair]) -> Figure:
    """The figure of one line on this engine, from all of its rounds."""
    beside = [(pair.ours, pair.floor) for pair in pairs if pair.floor]
    ours = Spread.of([pair.ours for pair in pairs])
    ratio = Spread.of([mine / floor for mine, floor in beside]) if beside else None
    target = line.targets.get(engine)
    return Figure(
        scenario=scenario,
        name=line.name,
        unit=line.unit,
        places=line.places,
        target=target,
        ours=ours,
        floor=Spread.of([floor for _, floor in beside]) if beside else None,
        ratio=ratio,
        verdict=_verdict(target, ours, ratio),
    )


def _verdict(target: Target | None, ours: Spread, ratio: Spread | None) -> Verdict:
    if target is None:
        return ""
    reached = ours if target.by == "ours" else ratio
    if reached is None:
        raise ValueError("a target by ratio needs a floor")
    return target.verdict(reached.median)
