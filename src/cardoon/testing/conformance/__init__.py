"""The laws that every engine keeps, as small functions that anybody can run against an engine.

    python -m cardoon.testing.conformance sqlite:///trial.db
    python -m cardoon.testing.conformance memory:// sqlite:///trial.db postgres redis

Each law has a sentence (its docstring), the guarantee that it belongs to (G1 to G20), and what an
engine must offer for it to apply. An engine of another package joins by its URL; where a fresh,
empty place for each law comes from is told by an `Arena`.
"""

from cardoon.testing.conformance.arena import Arena, arena_for, offer
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import Broken
from cardoon.testing.conformance.law import Law, law, laws
from cardoon.testing.conformance.suite import Report, Verdict, run, side_by_side

__all__ = [
    "Arena",
    "Bench",
    "Broken",
    "Law",
    "Report",
    "Verdict",
    "arena_for",
    "law",
    "laws",
    "offer",
    "run",
    "side_by_side",
]
