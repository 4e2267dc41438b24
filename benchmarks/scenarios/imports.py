"""What an import costs."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.figures import Line, Pair, Readings, Scenario, Target
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.worker import milliseconds_of, python

_IMPORT = """
import sys, time
known, begun = set(sys.modules), time.perf_counter()
import {module}
print(1000 * (time.perf_counter() - begun), len(set(sys.modules) - known))
"""


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        programs = [
            Pair(milliseconds_of("import cardoon"), milliseconds_of("pass")) for _ in range(scale.starts)
        ]
        imports = [(_import("cardoon"), _import("msgspec")) for _ in range(scale.interpreters)]
        yield {
            "python importing cardoon": middle(programs),
            "import cardoon": middle([Pair(ours[0], floor[0]) for ours, floor in imports]),
            "... modules it loads": middle([Pair(ours[1], floor[1]) for ours, floor in imports]),
        }


def middle(pairs: list[Pair]) -> Pair:
    """The medians."""
    return Pair(median(pair.ours for pair in pairs), median(pair.floor or 0.0 for pair in pairs))


def _import(module: str) -> tuple[float, float]:
    """Milliseconds and new modules of an import in a fresh interpreter, its own start not counted."""
    milliseconds, modules = python("-c", _IMPORT.format(module=module)).split()
    return float(milliseconds), float(modules)


IMPORTS = Scenario(
    "imports",
    "An interpreter that does nothing but `import cardoon`; floor: `python -c pass`, from its command to its "
    "end. Then the import alone, in a fresh interpreter; floor: `import msgspec`, the one dependency it "
    "needs. It has nothing to do with the engine.",
    [
        Line("python importing cardoon", "ms"),
        Line("import cardoon", "ms", {"sqlite": Target(50, at_most=True)}, places=1),
        Line("... modules it loads", "", {"sqlite": Target(100, at_most=True)}),
    ],
    rounds,
    engines=("sqlite",),
)
