"""The scenarios, in the order of the table: each measures Cardoon and its floor in turns."""

from benchmarks.scenarios.backlog import BACKLOG
from benchmarks.scenarios.concurrency import CONCURRENCY
from benchmarks.scenarios.dashboard import DASHBOARD
from benchmarks.scenarios.drain import DRAIN
from benchmarks.scenarios.first import FIRST
from benchmarks.scenarios.health import HEALTH
from benchmarks.scenarios.idle import IDLE, IDLE_LANES
from benchmarks.scenarios.imports import IMPORTS
from benchmarks.scenarios.lanes import LANES
from benchmarks.scenarios.latency import LATENCY
from benchmarks.scenarios.lateness import LATENESS
from benchmarks.scenarios.map import MAP
from benchmarks.scenarios.memory import MEMORY
from benchmarks.scenarios.recovery import RECOVERY
from benchmarks.scenarios.send import SEND
from benchmarks.scenarios.size import SIZE
from benchmarks.scenarios.start import START
from benchmarks.scenarios.stop import STOP
from benchmarks.scenarios.waiters import WAITERS

_IN_ORDER = (
    SEND, MAP, DRAIN, LANES, CONCURRENCY, LATENCY, LATENESS, WAITERS, IDLE, IDLE_LANES, HEALTH, BACKLOG,
    DASHBOARD, SIZE, START, FIRST, IMPORTS, STOP, RECOVERY, MEMORY,
)  # fmt: skip
ALL = {scenario.name: scenario for scenario in _IN_ORDER}
_LONG = (LANES, CONCURRENCY, LATENESS, WAITERS, IDLE_LANES, HEALTH, DASHBOARD, STOP, RECOVERY, MEMORY)
LONG = frozenset(s.name for s in _LONG)
"""Those that are left out unless they are asked for."""
