"""How long it takes until a fresh worker runs something."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.application import add, stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target, everywhere
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.scenarios.imports import middle
from benchmarks.worker import milliseconds_of, run_until_empty


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        measured = [_measured(ground) for _ in range(scale.starts)]
        yield {
            "command to first job": middle([Pair(first, bare) for first, bare, _ in measured]),
            "... less the imports": middle(
                [Pair(first - imports, bare) for first, bare, imports in measured]
            ),
        }


def _measured(ground: Ground) -> tuple[float, float, float]:
    """Milliseconds of the first job, of a bare interpreter, and of what importing cardoon adds to that."""
    first, bare = first_job(ground), milliseconds_of("pass")
    return first, bare, milliseconds_of("import cardoon") - bare


def first_job(ground: Ground) -> float:
    """Milliseconds from the command of a worker to the start of the job that waits for it."""
    with ground.fresh() as place, stored_in(place):
        handle = add.delay(1, 1)
        command = run_until_empty(place, processes=1)
        job = handle.job
        if job is None or job.started is None:
            raise RuntimeError(f"no start is known of {job}")
        return (job.started - command) * 1000


START = Scenario(
    "start",
    "From the command of a worker with one process to the start of a job that waits; floor: `python -c "
    "pass`, from its command to its end. Less the imports: without what `import cardoon` adds to that, taken "
    "off once, though supervisor and process both import it.",
    [
        Line("command to first job", "ms", everywhere(Target(120, at_most=True))),
        Line("... less the imports", "ms", {"sqlite": Target(200, at_most=True)}),
    ],
    rounds,
)
