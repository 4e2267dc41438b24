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
    waiting: int = 100_000
    cycles: int = 15
    starts: int = 3
    interpreters: int = 10
    laned: int = 50_000
    naps: int = 2_000
    awaited: int = 10_000
    history: int = 300_000
    probes: int = 20
    stops: int = 10
    kills: int = 30
    worker_kills: int = 10
    warmed: int = 100_000
    remembered: int = 1_000_000


FULL = Scale()
USUAL = Scale(
    sends=400, mapped=20_000, drained=15_000, calls=25, idle_seconds=1.5, deep=100_000, waiting=20_000,
    cycles=5, starts=2, interpreters=5, laned=20_000, naps=1_000, probes=10, stops=3, kills=10,
    worker_kills=3, warmed=20_000, remembered=100_000, awaited=3_000, history=100_000,
)  # fmt: skip
QUICK = Scale(
    rounds=1, sends=500, mapped=20_000, drained=20_000, calls=40, idle_seconds=1.0, deep=50_000,
    waiting=10_000, cycles=5, starts=1, interpreters=3, laned=10_000, naps=1_000, probes=5, stops=3, kills=5,
    worker_kills=3, warmed=20_000, remembered=100_000, awaited=3_000, history=100_000,
)  # fmt: skip
TINY = Scale(
    rounds=1, sends=10, mapped=50, drained=300, calls=3, idle_seconds=0.1, shallow=20, deep=100, waiting=500,
    cycles=2, starts=1, interpreters=1, laned=100, naps=100, probes=1, stops=1, kills=1,
    worker_kills=1, warmed=100, remembered=200, awaited=50, history=100,
)  # fmt: skip
