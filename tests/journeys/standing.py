"""A worker that stands while tests come and go, and the application that sends to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cardoon import AsyncResult, Cardoon
from cardoon.model.job import Job
from cardoon.model.states import State
from cardoon.testing import faults

Fact = Callable[[], object]

POOLS: dict[str, tuple[str, ...]] = {"solo": (), "threads": ("-t", "4"), "async": ("--async", "50")}
"""Each way of running jobs, and the options that ask for it."""

TASKS = Path(__file__).parent / "tasks"
SECONDS = 60.0
"""How long anything may take on a busy machine."""


class Standing:
    """A worker of one process in a folder of its own, with the tasks of `tasks/NAME.py`.

    `send` calls the `async def` variant of a task in the pool of the event loop.
    """

    def __init__(
        self, folder: Path, name: str, pool: str, *words: str, environment: Mapping[str, str] = {}
    ) -> None:
        shutil.copy(TASKS / f"{name}.py", folder)
        self.folder, self.name, self.pool = folder, name, pool
        options = [] if "--autoscale" in " ".join(words) else ["-p", "1"]
        self._words = [*options, *POOLS[pool], *words]
        self._environment = environment
        self.worker = self.new_worker()
        url = f"sqlite:///{folder / 'jobs.db'}?profile=fast"
        self.app = Cardoon("sender", url=url, task_default_queue="q", set_as_current=False)

    def new_worker(self, *words: str, environment: Mapping[str, str] = {}) -> faults.Worker:
        """Another worker of the same kind, not started yet."""
        return faults.Worker(
            f"{self.name}:app",
            *self._words,
            *words,
            folder=self.folder,
            environment={**self._environment, **environment},
        )

    @property
    def child(self) -> int:
        """The pid of its one process, once that takes jobs."""
        return self.worker.wait_ready()[0]

    def send(self, name: str, *args: object, **options: Any) -> AsyncResult[Any]:
        variant = "async_" if self.pool == "async" else ""
        return self.send_plain(variant + name, *args, **options)

    def send_plain(self, name: str, *args: object, **options: Any) -> AsyncResult[Any]:
        """Call a task that has one variant, or the `def` one in every pool."""
        return self.app.send_task(f"{self.name}.{name}", args, **options)

    def until(self, fact: Fact, what: str, seconds: float = SECONDS) -> Any:
        """What `fact` answers as soon as that is true; a worker that ended is not waited for."""

        def unless_it_ended() -> object:
            answer = fact()
            assert answer or self.worker.lives, f"the worker ended before {what}:\n{self.worker.log[-3000:]}"
            return answer

        return self.worker.until(unless_it_ended, what, seconds)

    def end_of(self, handle: AsyncResult[Any], seconds: float = SECONDS) -> Job:
        self.until(handle.ready, f"the end of {handle.task_name} {handle.id}, now {handle.job}", seconds)
        job = handle.job
        assert job is not None
        return job

    def job(self, handle: AsyncResult[Any]) -> Job:
        job = handle.job
        assert job is not None
        return job

    def run(self, name: str, *args: object, **options: Any) -> Job:
        """Send it, and wait for its end."""
        return self.end_of(self.send(name, *args, **options))

    def value(self, name: str, *args: object, **options: Any) -> Any:
        """Send it, and wait for what it returns."""
        return self.send(name, *args, **options).get(SECONDS)

    def serves(self) -> None:
        """The next job runs, at its first attempt."""
        job = self.run("fine")
        assert (job.state, job.attempt) == (State.SUCCEEDED, 1), job
        assert self.worker.lives

    def close(self) -> None:
        self.worker.close()
        self.app.close()


@contextmanager
def standing(
    folder: Path, name: str, pool: str, *words: str, environment: Mapping[str, str] = {}
) -> Generator[Standing]:
    """The worker inside the block, once it takes jobs; nothing is left of it after."""
    made = Standing(folder, name, pool, *words, environment=environment)
    try:
        with made.worker:
            yield made
    finally:
        made.close()
