"""What an engine should hold, on paper: lists, dicts and plain rules, no locks, no storage."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardoon.engines.contract import SOLO_CRASHES_TO_QUARANTINE
from cardoon.model.job import Claim, Job
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome
from cardoon.model.states import FINAL, WAITING, State

LATER = (State.DELAYED, State.RETRYING)


def told(job: PaperJob | Job) -> tuple[object, ...]:
    """What paper and engine must agree on; what the last attempt of a cancelled job counted as is open."""
    counted = () if job.state is State.CANCELLED else (job.retries, job.crashes)
    return job.state, job.attempt, *counted


@dataclass
class PaperJob:
    message: Message
    state: State
    due: float | None
    worker: str | None = None
    token: int = 0
    attempt: int = 0
    retries: int = 0
    crashes: int = 0
    suspect: bool = False
    cancelling: bool = False

    def back(self, *, free: bool) -> None:
        """Ready again."""
        self.state, self.worker = State.READY, None
        self.attempt -= free


@dataclass
class PaperEngine:
    jobs: dict[str, PaperJob] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    holders: dict[str, tuple[str, str]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)

    def push(self, message: Message, now: float) -> bool:
        if message.id in self.jobs:
            return False
        later = message.due is not None and message.due > now
        self.jobs[message.id] = PaperJob(message, State.DELAYED if later else State.READY, message.due)
        return True

    def time_passes(self, now: float) -> None:
        """What every claim and sweep begins with."""
        for job in self.jobs.values():
            expires = job.message.expires
            if job.state in WAITING and expires is not None and expires <= now:
                job.state = State.EXPIRED
            elif job.state in LATER and job.due is not None and job.due <= now:
                job.state = State.READY

    def line(self, queues: list[str] | None) -> list[PaperJob]:
        wanted = [j for j in self.jobs.values() if queues is None or j.message.queue in queues]
        ready = [j for j in wanted if j.state is State.READY and j.message.queue not in self.paused]
        return sorted(ready, key=lambda job: job.message.priority)

    def claim(
        self, worker: str, queues: list[str] | None, limit: int, alone: bool, now: float
    ) -> list[PaperJob]:
        self.time_passes(now)
        line = self.line(queues)
        if not alone:
            line = [job for job in line if not job.suspect]
        stop = next((n for n, job in enumerate(line) if job.suspect), len(line))
        taken = line[: max(stop, 1)][:limit]
        for job in taken:
            job.state, job.worker = State.RUNNING, worker
            job.attempt += 1
        return taken

    def settle(self, claim: Claim, outcome: Outcome) -> bool:
        job = self.jobs[claim.id]
        if job.state is not State.RUNNING or job.token != claim.token:
            return False
        if outcome.state in FINAL:
            job.state = outcome.state
        elif job.cancelling:
            job.state = State.CANCELLED
            job.attempt -= not outcome.charged
        elif outcome.state is State.RETRYING:
            job.state, job.due, job.worker = State.RETRYING, outcome.due, None
            job.retries, job.crashes, job.suspect = job.retries + 1, 0, False
        else:
            job.back(free=True)
            job.state = outcome.state
        return True

    def retire(self, worker: str, crashed: bool) -> None:
        lost = [job for job in self.jobs.values() if job.state is State.RUNNING and job.worker == worker]
        for job in lost:
            job.suspect = job.suspect or crashed
            job.crashes += crashed and len(lost) == 1
            job.back(free=not crashed)
            if job.cancelling:
                job.state = State.CANCELLED
            elif crashed and job.crashes >= SOLO_CRASHES_TO_QUARANTINE:
                job.state = State.QUARANTINED
        self.holders = {name: hold for name, hold in self.holders.items() if hold[1] != worker}

    def cancel(self, id: str) -> State:
        job = self.jobs[id]
        if job.state in WAITING:
            job.state = State.CANCELLED
        job.cancelling = job.cancelling or job.state is State.RUNNING
        return job.state

    def purge(self, queue: str) -> int:
        waiting = [id for id, j in self.jobs.items() if j.message.queue == queue and j.state in WAITING]
        return len([self.cancel(id) for id in waiting])

    def unpark(self, task: str) -> int:
        parked = [j for j in self.jobs.values() if j.state is State.PARKED and j.message.task == task]
        for job in parked:
            job.state = State.READY
        return len(parked)

    def acquire(self, name: str, owner: str, worker: str) -> bool:
        holder = self.holders.setdefault(name, (owner, worker))
        return holder[0] == owner

    def release(self, name: str, owner: str) -> bool:
        if self.holders.get(name, ("", ""))[0] != owner:
            return False
        del self.holders[name]
        return True

    def arrive(self, barrier: str, member: str, of: int) -> bool:
        members = self.members.setdefault(barrier, set())
        new = member not in members
        members.add(member)
        return new and len(members) == of
