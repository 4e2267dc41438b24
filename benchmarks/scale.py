"""How much to measure."""

from __future__ import annotations

import msgspec


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the scenarios: numbers of jobs, calls and interpreters of one round; seconds."""

    rounds: int = 3
    sends: int = 2_000
    mapped: int = 100_000
    drained: int = 100_000
    calls: int = 100
    idle_seconds: float = 10.0
    shallow: int = 1_000
    deep: int = 1_000_000
    cycles: int = 15
    starts: int = 3
    interpreters: int = 10


FULL = Scale()
QUICK = Scale(
    rounds=1, sends=500, mapped=20_000, drained=20_000, calls=40, idle_seconds=3.0, deep=100_000,
    cycles=10, starts=1, interpreters=3,
)  # fmt: skip
TINY = Scale(
    rounds=1, sends=10, mapped=50, drained=300, calls=3, idle_seconds=0.1, shallow=20, deep=100,
    cycles=2, starts=1, interpreters=1,
)  # fmt: skip
