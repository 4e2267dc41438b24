"""From scenarios to figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.figures import Figure, Scenario, figure
from benchmarks.scale import Scale


def measured(scenarios: Iterable[Scenario], scale: Scale) -> Iterator[Figure]:
    """The figures of each scenario, as soon as it is done."""
    for scenario in scenarios:
        rounds = list(scenario.rounds(scale))
        for line in scenario.lines:
            yield figure(scenario.name, line, [readings[line.name] for readings in rounds])
