"""What an engine should hold, on paper: lists, dicts and plain rules, no locks, no storage."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from cardoon.engines.contract import SOLO_CRASHES_TO_QUARANTINE
from cardoon.model import flow
from cardoon.model.job import Claim, Job
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome
from cardoon.model.states import FINAL, WAITING, State

LATER = (State.DELAYED, State.RETRYING)


def told(job: PaperJob | Job) -> tuple[object, ...]:
    """What paper and engine must agree on."""
    return job.state, job.attempt, job.retries, job.crashes


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
    terminating: bool = False
    last_end: tuple[object, ...] | None = None
    recorded: int = 0

    def back(self, *, free: bool) -> None:
        """Ready again."""
        self.state, self.worker = State.READY, None
        self.attempt -= free

    def begin_afresh(self) -> None:
        """As if it was never run."""
        self.recorded += self.state is not State.PARKED
        self.message = msgspec.structs.replace(self.message, due=None, expires=None)
        self.state, self.due, self.worker, self.last_end = State.READY, None, None, None
        self.retries = self.crashes = 0
        self.suspect = self.cancelling = self.terminating = False


def said(end: Outcome) -> tuple[object, ...]:
    """What makes two ends the same."""
    return (end.state, end.result, end.error, end.note) if end.state in FINAL else (end.state,)


@dataclass
class PaperEngine:
    jobs: dict[str, PaperJob] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    holders: dict[str, tuple[str, str]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    ended: Counter[tuple[str, State]] = field(default_factory=Counter)
    orders: dict[str, str] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def finish(self, job: PaperJob, state: State) -> None:
        job.state = state
        self.ended[job.message.queue, state] += 1

    def call_off(self, job: PaperJob, state: State) -> None:
        """End what waits: what was said of it before holds no more."""
        self.finish(job, state)
        job.last_end = None

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
                self.call_off(job, State.EXPIRED)
            elif job.state in LATER and job.due is not None and job.due <= now:
                job.state = State.READY

    def line(self, queues: list[str] | None) -> list[PaperJob]:
        wanted = [j for j in self.jobs.values() if queues is None or j.message.queue in queues]
        ready = [j for j in wanted if j.state is State.READY and j.message.queue not in self.paused]
        return sorted(ready, key=lambda job: job.message.priority)

    def claim(
        self, worker: str, queues: list[str] | None, limit: int, alone: bool, now: float
    ) -> list[PaperJob]:
        self.met.add(worker)
        self.time_passes(now)
        line = self.line(queues)
        suspects = [job for job in self.jobs.values() if job.suspect and job in line]
        taken = [job for job in line if not job.suspect][:limit]
        if alone and suspects:
            taken = suspects[:1]
        for job in taken:
            job.state, job.worker, job.last_end = State.RUNNING, worker, None
            job.attempt += 1
        return taken

    def owns(self, claim: Claim, job: PaperJob) -> bool:
        """Whether this claim of that job is its current one; the id alone may mean another job by now."""
        is_known = self.jobs.get(claim.id) is job
        return is_known and job.state is State.RUNNING and job.token == claim.token

    def repeats(self, claim: Claim, job: PaperJob, end: Outcome) -> bool:
        """Whether this attempt wrote this end already, and nobody moved the job on."""
        if self.jobs.get(claim.id) is not job or job.token != claim.token:
            return False
        if job.last_end and job.state is State.CANCELLED and job.cancelling and end.state not in FINAL:
            return True
        return job.last_end == said(end)

    def settle(self, claim: Claim, job: PaperJob, outcome: Outcome) -> bool:
        if not self.owns(claim, job):
            return False
        job.last_end = said(outcome)
        if outcome.state in FINAL:
            self.finish(job, outcome.state)
        elif job.cancelling:
            self.finish(job, State.CANCELLED)
            job.attempt -= not outcome.charged
        elif outcome.state is State.RETRYING:
            job.state, job.due, job.worker = State.RETRYING, outcome.due, None
            job.retries, job.crashes, job.suspect = job.retries + 1, 0, False
            job.recorded += 1
        else:
            job.back(free=True)
            job.state = outcome.state
            job.recorded += outcome.state is State.PARKED
        return True

    def held(self, worker: str) -> list[str]:
        return [id for id, j in self.jobs.items() if j.state is State.RUNNING and j.worker == worker]

    def retire(self, worker: str, crashed: bool, now: float) -> None:
        lost = [self.jobs[id] for id in self.held(worker)]
        for job in lost:
            job.suspect = job.suspect or crashed
            job.crashes += crashed and len(lost) == 1
            job.recorded += crashed
            job.back(free=not crashed)
            if job.cancelling:
                self.call_off(job, State.CANCELLED)
            elif crashed and job.crashes >= SOLO_CRASHES_TO_QUARANTINE:
                self.call_off(job, State.QUARANTINED)
                for message in flow.after_failure(job.message):
                    self.push(message, now)
        self.holders = {name: hold for name, hold in self.holders.items() if hold[1] != worker}
        self.met.discard(worker)
        self.orders.pop(worker, None)

    def cancel(self, id: str, *, terminate: bool = False) -> State:
        job = self.jobs[id]
        if job.state in WAITING:
            self.call_off(job, State.CANCELLED)
        if job.state is State.RUNNING:
            job.cancelling, job.terminating = True, job.terminating or terminate
        return job.state

    def replay(self, id: str) -> bool:
        job = self.jobs.get(id)
        if job is None or not (job.state in FINAL or job.state is State.PARKED):
            return False
        job.begin_afresh()
        return True

    def delete(self, id: str) -> bool:
        if id not in self.jobs or self.jobs[id].state is State.RUNNING:
            return False
        del self.jobs[id]
        return True

    def order(self, worker: str, what: str) -> bool:
        self.orders.pop(worker, None)
        if what and worker in self.met:
            self.orders[worker] = what
        return worker in self.met

    def to_end(self, worker: str) -> list[str]:
        return [id for id in self.held(worker) if self.jobs[id].terminating]

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
