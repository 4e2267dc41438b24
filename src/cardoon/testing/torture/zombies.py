"""Zombie trials: can an attempt that has lost its job still write?

A whole worker is stopped for longer than the silence that makes it count as dead. Another one takes its
jobs over. Then its processes go on where they stood, and each tries to write all that an attempt can:
progress, a line of the log, a job of its own, and its end with a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import msgspec

from cardoon.engines.contract import Engine
from cardoon.model import clock, codec
from cardoon.model.errors import CardoonError
from cardoon.model.job import Job
from cardoon.model.message import Message
from cardoon.testing import faults
from cardoon.testing.faults import Worker
from cardoon.testing.torture.haunted import APP, BY_OWNER, BY_ZOMBIE, child_of, haunted
from cardoon.testing.torture.ledger import Record, read
from cardoon.testing.torture.report import Machine, machine_of
from cardoon.testing.torture.setup import Setup

KINDS = ("state", "result", "progress", "log", "child")
"""What a zombie tries to write."""

OWNERS = 4
"""Processes that take over; for so many jobs of a batch the zombie writes while their owner still runs."""

_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.05


class Trouble(CardoonError):
    """A batch of trials did not get to where zombies can be tried."""


class Trials(msgspec.Struct, frozen=True, kw_only=True):
    """The figures: how many `trials`, how many stale writes of each kind were `accepted`, which must be 0,
    and how many ends were `refused`, which must be all.
    """

    trials: int
    while_owned: int
    accepted: dict[str, int]
    refused: int
    seconds: float
    command: str
    machine: Machine

    @property
    def ok(self) -> bool:
        """Whether no zombie wrote anything, and each of them tried."""
        return not any(self.accepted.values()) and self.refused == self.trials


def trials(setup: Setup, count: int, told: Callable[[str], None]) -> Trials:
    """Try so many zombies, as many at a time as the worker of the setup has processes and threads."""
    begun, engine = clock.monotonic(), setup.engine()
    accepted: Counter[str] = Counter()
    refused = while_owned = 0
    try:
        for number, done in enumerate(range(0, count, setup.jobs)):
            batch = Batch(setup, engine, number, min(setup.jobs, count - done))
            batch.run()
            accepted += batch.accepted()
            refused += len(batch.records("late"))
            while_owned += batch.while_owned
            told(f"{clock.monotonic() - begun:5.0f} s  {done + len(batch.ids):,} of {count:,} trials")
        profile = engine.profile()
    finally:
        engine.close()
    return Trials(
        trials=count,
        while_owned=while_owned,
        accepted={kind: accepted[kind] for kind in KINDS},
        refused=refused,
        seconds=round(clock.monotonic() - begun, 1),
        command=_command(setup, count),
        machine=machine_of(setup.ground.url, profile),
    )


class Batch:
    """Some zombies that are tried at once."""

    def __init__(self, setup: Setup, engine: Engine, number: int, count: int) -> None:
        self.setup = setup
        self.engine = engine
        self._number = number
        self.ids = [f"{number}-{n}" for n in range(count)]
        self.while_owned = min(OWNERS, count)

    def run(self) -> None:
        """From the first start of each job to the end that its owner gave it."""
        with ExitStack() as stack:
            grave = stack.enter_context(self._worker("zombie", self.setup.processes, *self.setup.worker_args))
            grave.wait_ready(self.setup.processes)
            self.engine.push(list(self.messages()))
            self._until("the first start of each job", lambda: len(self._starts(1)) == len(self.ids))
            zombies = grave.children()
            with grave.stopped():
                # One more than there are jobs that stay: those may be given back, and started, first.
                owner = stack.enter_context(self._worker("owner", OWNERS + 1))
                self._until("a second start of each job", lambda: len(self._starts(2)) == len(self.ids))
                self._open("wake")
                faults.go_on(*zombies)  # not their supervisor yet, which would end them
                self._until("the refusal of each zombie", lambda: len(self.records("late")) == len(self.ids))
            self._open("end")
            self._until("the end of each job", lambda: all(job.final for job in self._jobs()))
            owner.stop()

    def _worker(self, name: str, processes: int, *words: str) -> Worker:
        setup = self.setup
        log = setup.folder / f"{name}-{self._number}.log"
        environment = setup.environment
        return Worker(
            APP, "-p", str(processes), *words, folder=setup.folder, environment=environment, log_file=log
        )

    def messages(self) -> Iterator[Message]:
        """The last few are still run by their owner when the zombie writes, the others have ended."""
        for number, id in enumerate(self.ids):
            held = number >= len(self.ids) - self.while_owned
            arguments = (self._name("wake"), self._name("end") if held else "")
            yield haunted.message(arguments, {}, {"task_id": id, "priority": 9 if held else 5})

    def _name(self, gate: str) -> str:
        return f"{gate}-{self._number}"

    def _open(self, gate: str) -> None:
        (self.setup.folder / self._name(gate)).touch()

    def _until(self, what: str, fact: Callable[[], bool]) -> None:
        deadline = clock.monotonic() + _PATIENCE_SECONDS
        while not fact():
            if clock.monotonic() > deadline:
                raise Trouble(f"not within {_PATIENCE_SECONDS:g} s: {what}, in batch {self._number}")
            clock.sleep(_LOOK_SECONDS)

    # -- what there is to see

    def records(self, event: str) -> list[Record]:
        """What was written of these jobs."""
        ids = set(self.ids)
        return [record for record in read(self.setup.folder) if record.event == event and record.id in ids]

    def _starts(self, attempt: int) -> set[str]:
        return {record.id for record in self.records("start") if record.attempt == attempt}

    def _jobs(self) -> Iterator[Job]:
        return (self._job(id) for id in self.ids)

    def _job(self, id: str) -> Job:
        job = self.engine.result(id)
        if job is None:
            raise Trouble(f"the engine does not know job {id}")
        return job

    def accepted(self) -> Counter[str]:
        """How many stale writes of each kind the engine took, by its own answers or by what it remembers."""
        found = {(r.id, kind) for r in self.records("tried") for kind, took in r.data.items() if took}
        stale = {(r.id, r.token) for r in self.records("start") if r.attempt == 1}
        for job in self._jobs():
            found |= {(job.id, kind) for kind in self._remembered(job, (job.id, job.token) in stale)}
        return Counter(kind for _, kind in found)

    def _remembered(self, job: Job, by_zombie: bool) -> Iterator[str]:
        if by_zombie:
            yield "state"
        if job.result != codec.dumps(BY_OWNER):
            yield "result"
        for kind in ("progress", "log"):
            if BY_ZOMBIE.encode() in self.engine.annotations(job.id, kind):
                yield kind
        if self.engine.result(child_of(job.id)) is not None:
            yield "child"


def _command(setup: Setup, count: int) -> str:
    words = f"python -m cardoon.testing.torture zombies --trials {count} --at-once {setup.jobs}"
    return f"{words} {setup.worker_words}"


def as_text(found: Trials) -> str:
    """For people, within 80 columns."""
    machine = found.machine
    return "\n".join(
        [
            f"{found.trials:,} zombies, {found.while_owned:,} of them while their job ran elsewhere, "
            f"{found.seconds:,.0f} s",
            f"Cardoon {machine.cardoon}, {machine.engine_version or machine.engine}, {machine.profile}",
            "",
            *(f"  {number:>7,}  stale writes of {kind} accepted" for kind, number in found.accepted.items()),
            f"  {found.refused:>7,}  ends refused",
            "",
            f"again: {found.command}",
        ]
    )


def as_json(found: Trials) -> str:
    """One JSON object."""
    return msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"
