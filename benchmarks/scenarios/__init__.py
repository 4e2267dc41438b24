"""The scenarios, in the order of the table: each measures Cardoon and its floor in turns."""

from benchmarks.scenarios.backlog import BACKLOG
from benchmarks.scenarios.concurrency import CONCURRENCY
from benchmarks.scenarios.drain import DRAIN
from benchmarks.scenarios.health import HEALTH
from benchmarks.scenarios.idle import IDLE, IDLE_LANES
from benchmarks.scenarios.imports import IMPORTS
from benchmarks.scenarios.lanes import LANES
from benchmarks.scenarios.latency import LATENCY
from benchmarks.scenarios.map import MAP
from benchmarks.scenarios.memory import MEMORY
from benchmarks.scenarios.recovery import RECOVERY
from benchmarks.scenarios.send import SEND
from benchmarks.scenarios.size import SIZE
from benchmarks.scenarios.start import START
from benchmarks.scenarios.stop import STOP

_IN_ORDER = (
    SEND, MAP, DRAIN, LANES, CONCURRENCY, LATENCY, IDLE, IDLE_LANES, HEALTH, BACKLOG, SIZE, START, IMPORTS,
    STOP, RECOVERY, MEMORY,
)  # fmt: skip
ALL = {scenario.name: scenario for scenario in _IN_ORDER}
LONG = frozenset(s.name for s in (LANES, CONCURRENCY, IDLE_LANES, HEALTH, STOP, RECOVERY, MEMORY))
"""Those that are left out unless they are asked for."""
