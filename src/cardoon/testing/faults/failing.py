"""Failpoints: exact places where a process ends, stands still, waits or raises."""

from __future__ import annotations

from cardoon.failpoints import SEED, VARIABLE
from cardoon.failpoints.plan import Plan


def failing_at(*points: str, seed: int = 0) -> dict[str, str]:
    """The environment of a process that fails at these places: `fin.before=kill@3`, `claim.before=sleep:1`.

    `cardoon.failpoints` says how they are written, `cardoon.failpoints.names` which there are. `seed`
    is for chances, such as `@1/10`. Raises ConfigurationError for what makes no sense.
    """
    text = ";".join(points)
    Plan.read(text, str(seed))
    return {VARIABLE: text, SEED: str(seed)}
