"""How long it takes until there is anything to use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target
from benchmarks.place import fresh
from benchmarks.scale import Scale
from benchmarks.worker import python, run_until_empty

_IMPORT = """
import sys, time
known, begun = set(sys.modules), time.perf_counter()
import {module}
print(1000 * (time.perf_counter() - begun), len(set(sys.modules) - known))
"""


def rounds(scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        first_job = [Pair(_first_job(), _run("pass")) for _ in range(scale.starts)]
        programs = [Pair(_run("import cardoon"), _run("pass")) for _ in range(scale.starts)]
        imports = [(_import("cardoon"), _import("msgspec")) for _ in range(scale.interpreters)]
        yield {
            "command to first job": _middle(first_job),
            "python importing cardoon": _middle(programs),
            "import cardoon": _middle([Pair(ours[0], floor[0]) for ours, floor in imports]),
            "... modules it loads": _middle([Pair(ours[1], floor[1]) for ours, floor in imports]),
        }


def _middle(pairs: list[Pair]) -> Pair:
    return Pair(median(pair.ours for pair in pairs), median(pair.floor or 0.0 for pair in pairs))


def _first_job() -> float:
    """Milliseconds from the command of a worker to the start of the job that waits for it."""
    with fresh() as folder, stored_in(folder):
        handle = add.delay(1, 1)
        command = run_until_empty(folder, processes=1)
        job = handle.job
        if job is None or job.started is None:
            raise RuntimeError(f"no start is known of {job}")
        return (job.started - command) * 1000


def _run(program: str) -> float:
    """Milliseconds that an interpreter takes for this program, from its command to its end."""
    begun = time.perf_counter()
    python("-c", program)
    return (time.perf_counter() - begun) * 1000


def _import(module: str) -> tuple[float, float]:
    """Milliseconds and new modules of an import in a fresh interpreter, its own start not counted."""
    milliseconds, modules = python("-c", _IMPORT.format(module=module)).split()
    return float(milliseconds), float(modules)


START = Scenario(
    "start",
    "From the command of a worker with one process to the start of a job that waits, and an interpreter that "
    "does nothing but `import cardoon`; floor of both: `python -c pass`, from its command to its end. Then "
    "the import alone, in a fresh interpreter; floor: `import msgspec`, the one dependency it needs.",
    [
        Line("command to first job", "ms", Target(200, at_most=True)),
        Line("python importing cardoon", "ms"),
        Line("import cardoon", "ms", Target(60, at_most=True), places=1),
        Line("... modules it loads", "", Target(100, at_most=True)),
    ],
    rounds,
)
