"""From scenarios to figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.figures import Figure, Scenario, figure
from benchmarks.ground import Ground
from benchmarks.scale import Scale


def measured(scenarios: Iterable[Scenario], ground: Ground, scale: Scale) -> Iterator[Figure]:
    """The figures of each scenario that this engine has, as soon as it is done."""
    for scenario in scenarios:
        if ground.engine not in scenario.engines:
            continue
        rounds = list(scenario.rounds(ground, scale))
        for line in scenario.lines:
            if line.name in rounds[0]:
                yield figure(ground.engine, scenario.name, line, [readings[line.name] for readings in rounds])
