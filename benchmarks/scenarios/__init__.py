"""The scenarios, in the order of the table: each measures Cardoon and its floor in turns."""

from benchmarks.scenarios.backlog import BACKLOG
from benchmarks.scenarios.drain import DRAIN
from benchmarks.scenarios.idle import IDLE
from benchmarks.scenarios.latency import LATENCY
from benchmarks.scenarios.map import MAP
from benchmarks.scenarios.send import SEND
from benchmarks.scenarios.start import START

ALL = {scenario.name: scenario for scenario in (SEND, MAP, DRAIN, LATENCY, IDLE, BACKLOG, START)}
