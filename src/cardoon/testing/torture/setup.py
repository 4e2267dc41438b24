"""What a run is made of."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec

from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model.errors import ConfigurationError
from cardoon.testing.torture.ground import Ground, default_url
from cardoon.testing.torture.workload import FOLDER

PRODUCERS = 2
ROOM_A_PROCESS = 12
"""So many jobs may wait for each process: enough to keep it busy, few enough that recovery is no waiting."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How much is sent and struck, and by what it is run. `longest_stop` and `longest_outage`, which
    is of a server, are seconds.

    `folder` takes the ledgers and the logs, and the file of SQLite where nothing else was named.
    """

    seed: int
    jobs: int
    kills: int
    folder: Path
    ground: Ground
    workers: int = 3
    processes: int = 3
    worker_args: tuple[str, ...] = ()
    longest_stop: float = 30.0
    longest_outage: float = 3.0

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the run is given."""
        return {"CARDOON_URL": self.ground.url, FOLDER: str(self.folder)}

    @property
    def command(self) -> str:
        """The words that repeat it; a URL of one's own is for its owner to fill in."""
        much = f"--jobs {self.jobs} --kills {self.kills} --longest-stop {self.longest_stop:g}"
        much += f" --longest-outage {self.longest_outage:g}" if self.ground.kind else ""
        by = f"--seed {self.seed} --workers {self.workers} {self.worker_words}"
        return f"python -m cardoon.testing.torture {much} {by}"

    @property
    def worker_words(self) -> str:
        """Those words of it that say what workers there are, and where."""
        words = [f"-p {self.processes}"]
        words += [f"--worker-args {shlex.quote(shlex.join(self.worker_args))}"] if self.worker_args else []
        if self.ground.kind:
            words.append(f"--engine {self.ground.kind}")
        elif self.ground.url != default_url(self.folder):
            words.append("--url URL")
        return " ".join(words)

    @property
    def room(self) -> int:
        """How many jobs may be in line."""
        return ROOM_A_PROCESS * self.workers * self.processes

    def engine(self) -> Engine:
        """The engine, with its schema. Raises ConfigurationError for one that other processes do not see."""
        engine = connect(self.ground.direct)
        if not engine.capabilities.shared:
            raise ConfigurationError("an engine in memory is not seen by workers; name one with a place")
        engine.migrate()
        return engine
