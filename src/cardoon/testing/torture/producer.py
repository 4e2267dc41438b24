"""A process that sends its share of the jobs, one by one and in batches.

    python -m cardoon.testing.torture.producer SEED JOBS NUMBER OF ROOM

Started again after a kill it reads in its own ledger how far it came. It waits while ROOM jobs are in line.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cardoon.model import clock, flow
from cardoon.model.errors import EngineBusy, EngineError, EngineFull
from cardoon.model.message import Message
from cardoon.model.states import FINAL, State
from cardoon.testing.torture import workload
from cardoon.testing.torture.ledger import SUFFIX, Ledger, read_file
from cardoon.testing.torture.plan import Planned, planned

BATCHES = (1, 1, 1, 5, 20)
LOOK_SECONDS = 0.05
_STORED = ("ack", "cancel")


class Producer:
    """Sends some jobs, and writes down before each that it wants to, and after it what came of it."""

    def __init__(self, name: str, folder: Path, chance: random.Random, room: int) -> None:
        self._name = name
        self._folder = folder
        self._chance = chance
        self._room = room
        self._ledger = Ledger(folder, name)
        self._engine = workload.app.engine

    def send_all(self, jobs: Sequence[Planned]) -> None:
        """Until each is stored, or is one of those that are not sent again when that is unknown."""
        left = list(self._unsent(jobs))
        while left:
            self._wait_for_room()
            batch = left[: self._chance.choice(BATCHES)]
            left = left[len(batch) :]
            if not self._send(batch):
                left += [job for job in batch if job.insists]
                clock.sleep(workload.AGAIN_SECONDS)

    def _unsent(self, jobs: Sequence[Planned]) -> Iterator[Planned]:
        """Those that no earlier life of this producer has done with; what it did not cancel is cancelled."""
        files = self._folder.glob(f"{self._name}-*{SUFFIX}")
        last = {r.id: r.event for file in sorted(files, key=_age) for r in read_file(file)}
        for job in jobs:
            came_to = last.get(job.id)
            if came_to == "ack" and job.kind == "cancelled":
                self._cancel(job)
            elif came_to is None or (job.insists and came_to not in _STORED):
                yield job

    def _wait_for_room(self) -> None:
        while self._in_line() >= self._room:
            clock.sleep(LOOK_SECONDS)

    def _in_line(self) -> int:
        """How many jobs wait or run; none while the engine cannot tell: let it refuse some more."""
        try:
            counts = [item for states in self._engine.count().values() for item in states.items()]
        except EngineError:
            return 0
        return sum(number for state, number in counts if state not in FINAL | {State.DELAYED})

    def _send(self, batch: Sequence[Planned]) -> bool:
        messages = [message_of(job) for job in batch]
        for job, message in zip(batch, messages, strict=True):
            follows = [follower.id for follower in flow.after_success(message, None)]
            left = 0.0 if message.due is None else message.due - clock.now()
            about = {"kind": job.kind, "countdown": left, "follows": follows}
            self._ledger.write("want", job.id, data=about)
        try:
            workload.app.send(messages)
        except EngineError as error:
            nothing_written = isinstance(error, (EngineBusy, EngineFull))
            for job in batch:
                self._ledger.write(
                    "refused" if nothing_written else "unknown", job.id, data={"why": str(error)}
                )
            return False
        for job in batch:
            self._ledger.write("ack", job.id)
            if job.kind == "cancelled":
                self._cancel(job)
        return True

    def _cancel(self, job: Planned) -> None:
        try:
            state = self._engine.cancel([job.id]).get(job.id)
        except EngineError:
            return
        self._ledger.write("cancel", job.id, data={"state": state})


def _age(file: Path) -> int:
    return file.stat().st_mtime_ns


def message_of(job: Planned) -> Message:
    """The call that this job is."""
    task, args = _calls(job)
    options: dict[str, Any] = {"task_id": job.id, "queue": job.queue, "priority": job.priority}
    if job.countdown:
        options["countdown"] = job.countdown
    if job.kind == "chain":
        options["link"] = workload.brief.options(task_id=job.follows[0], queue=job.queue).si()
    message: Message = task.message(args, {}, options)
    return message


def _calls(job: Planned) -> tuple[Any, tuple[Any, ...]]:
    by_kind: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "nap": (workload.nap, (job.seconds,)),
        "long": (workload.nap, (job.seconds,)),
        "doze": (workload.doze, (job.seconds,)),
        "again": (workload.again, (job.seconds, job.times)),
        "family": (workload.family, (list(job.follows),)),
        "poison": (workload.poison, (job.way,)),
    }
    return by_kind.get(job.kind, (workload.brief, ()))


def main(words: Sequence[str]) -> None:
    """Send the share of this producer."""
    seed, jobs, number, of, room = map(int, words)
    chance = random.Random(f"producer {seed} {number}")
    folder = Path(os.environ[workload.FOLDER])
    Producer(f"producer{number}", folder, chance, room).send_all(planned(seed, jobs)[number::of])


if __name__ == "__main__":
    main(sys.argv[1:])
