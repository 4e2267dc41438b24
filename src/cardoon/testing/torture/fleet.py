"""The workers and producers of a run: started, replaced when they die, and counted at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from cardoon.testing.faults import Worker, lives
from cardoon.testing.torture import producer, workload
from cardoon.testing.torture.setup import PRODUCERS, Setup


class Fleet:
    """Keeps as many workers and producers running as the setup says."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.workers: list[Worker] = []
        self._leaving: list[Worker] = []
        self.producers: dict[int, subprocess.Popen[bytes]] = {}
        self._begun = 0

    def start(self) -> None:
        """Start all of them."""
        for number in range(PRODUCERS):
            self._produce(number)
        self.tend()

    def tend(self) -> None:
        """Replace the dead; let go of those that were told to leave and did."""
        self.workers[:], dead = _parted(self.workers)
        self._leaving, left = _parted(self._leaving)
        for worker in (*dead, *left):
            worker.close()
        while len(self.workers) < self._setup.workers:
            self.hire()
        for number, process in list(self.producers.items()):
            if process.poll() == 0:
                del self.producers[number]
            elif process.poll() is not None:
                self._produce(number)

    def hire(self, environment: Mapping[str, str] = {}) -> Worker:
        """Start a worker more."""
        self._begun += 1
        setup = self._setup
        worker = Worker(
            workload.APP,
            "-p",
            str(setup.processes),
            *setup.worker_args,
            folder=setup.folder,
            environment={**setup.environment, **environment},
            log_file=setup.folder / f"worker-{self._begun}.log",
        )
        self.workers.append(worker.start())
        return worker

    def dismiss(self, worker: Worker) -> None:
        """Tell a worker to end; nothing waits for that."""
        worker.terminate()
        self.workers.remove(worker)
        self._leaving.append(worker)

    def _produce(self, number: int) -> None:
        setup = self._setup
        words = (setup.seed, setup.jobs, number, PRODUCERS, setup.room)
        with self.log(f"producer-{number}.log").open("ab") as log:
            self.producers[number] = subprocess.Popen(
                [sys.executable, "-m", producer.__name__, *map(str, words)],
                cwd=setup.folder,
                env={**os.environ, **setup.environment},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def log(self, name: str) -> Path:
        """Where a process writes its log."""
        return self._setup.folder / name

    def disband(self) -> None:
        """Tell all workers to end, and wait until they did."""
        for worker in list(self.workers):
            self.dismiss(worker)
        for worker in self._leaving:
            worker.wait()

    def survivors(self) -> list[int]:
        """The processes that live in the folder of the run although all workers are gone."""
        return [pid for pid in _processes_in(self._setup.folder) if pid != os.getpid() and lives(pid)]

    def close(self) -> None:
        """Make sure that nothing of it is left."""
        for worker in (*self.workers, *self._leaving):
            worker.close()
        for process in self.producers.values():
            process.kill()
            process.wait()


def _processes_in(folder: Path) -> Iterator[int]:
    """Those that work in this folder; a number alone could be another process by now."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder.resolve():
                yield int(entry.name)


def _parted(workers: list[Worker]) -> tuple[list[Worker], list[Worker]]:
    """Those whose supervisor lives, and the others."""
    return [w for w in workers if w.lives], [w for w in workers if not w.lives]
