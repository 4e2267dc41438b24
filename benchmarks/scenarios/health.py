"""What a probe costs."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.application import stored_in
from benchmarks.figures import Line, Pair, Readings, Scenario, Target
from benchmarks.ground import Ground
from benchmarks.scale import Scale
from benchmarks.worker import environment, running

COMMAND = str(Path(sys.executable).with_name("cardoon"))


def rounds(ground: Ground, scale: Scale) -> Iterator[Readings]:
    for _ in range(scale.rounds):
        with ground.fresh() as place, stored_in(place):
            file, port = str(place.folder / "health"), str(_free_port())
            with running(place, 1, "--probe-file", file, "--probe-port", port):
                yield _round(scale.probes, file, port)


def _round(calls: int, file: str, port: str) -> Readings:
    """All in turns: what disturbs one disturbs the others."""
    programs = {
        "file": (COMMAND, "health", "--file", file),
        "port": (COMMAND, "health", "--port", port),
        "floor": (sys.executable, "-c", "pass"),
    }
    turns = [{name: _milliseconds(*words) for name, words in programs.items()} for _ in range(calls)]
    by_file, by_port, floor = (median(turn[name] for turn in turns) for name in programs)
    return {
        "cardoon health --file": Pair(by_file, floor),
        "cardoon health --port": Pair(by_port, floor),
    }


def _milliseconds(*words: str) -> float:
    begun = time.perf_counter()
    subprocess.run(words, env=environment(), check=True)
    return (time.perf_counter() - begun) * 1000


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


HEALTH = Scenario(
    "health",
    "`cardoon health` of a healthy worker, by its file and by its port, from the command to its end. Floor: "
    "`python -c pass`. It has nothing to do with the engine.",
    [
        Line("cardoon health --file", "ms", {"sqlite": Target(50, at_most=True)}, places=1),
        Line("cardoon health --port", "ms", {"sqlite": Target(50, at_most=True)}, places=1),
    ],
    rounds,
    engines=("sqlite",),
)
