"""The contract of every engine: a broker carries jobs, a store remembers them.

Each verb says what holds under races. `cardoon.testing.conformance` proves these sentences on any
engine. Unless a verb says otherwise, each call is one atomic step, takes bounded time, and raises
an EngineError (nothing written) when the engine cannot be reached. All are safe to call from any
thread and from a process forked since the engine was made.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf
from typing import Protocol, runtime_checkable

import msgspec

from cardoon.model.errors import InvalidOption, LeaseLost, nearest
from cardoon.model.job import Claim, Filter, Job, Page, Report, Schedule
from cardoon.model.message import Message
from cardoon.model.outcome import Outcome
from cardoon.model.states import State

End = tuple[Claim, Outcome]
Counts = dict[str, dict[State, int]]

ORDERS = ("quiet", "stop", "")
"""What a worker can be told: to claim nothing more, to drain and end, or nothing again."""

SOLO_CRASHES_TO_QUARANTINE = 3
EVIDENCE_BYTES = 8_192
BEAT_SECONDS = 2.0
SILENCE_SECONDS = 8.0
SILENCE_OBSERVATIONS = 4
SWEEP_SECONDS = 1.0
CALL_SECONDS = 5.0
RETENTION_SECONDS = 7 * 86_400.0
DOUBT_SECONDS = 0.2
"""Most jobs whose ends are waited for are known: who heard nothing for so long makes sure of that."""


class _Steps(threading.local):
    under_way = 0
    owed = False


steps = _Steps()
"""How many steps of an engine this thread is inside: no signal handler may raise into one."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine can do; code and tests ask here, never for a class.

    `shared`: other processes see the same jobs. `durable`: jobs outlive this process.
    `remembers`: it is a store too.
    """

    shared: bool = True
    durable: bool = True
    remembers: bool = True


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The durability that an engine truly has, read from its real settings.

    `warnings` ask for something to be done; `notes` are good to know.
    """

    name: str
    sentence: str
    version: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Turn(msgspec.Struct, frozen=True):
    """What `exchange` answers: the ends that were refused, and the jobs now claimed.

    `in_doubt` says that claims of this worker may have been lost on their way: `held` tells.
    """

    refused: list[Claim]
    claims: list[Claim]
    in_doubt: bool = False


class Heard(msgspec.Struct, frozen=True):
    """What workers hear with their beat, by their ids.

    `retired` are those that were retired meanwhile, `orders` the standing order of each that has one,
    `terminate` the jobs that each still runs and that are to be ended.
    """

    retired: set[str] = set()
    orders: dict[str, str] = {}
    terminate: dict[str, list[str]] = {}


class Retired(msgspec.Struct, frozen=True):
    """What `retire` did with the jobs of a worker: those that wait again, and those that never will."""

    returned: list[str]
    quarantined: list[str]


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What a `sweep` did: counts, and the workers it found dead with what became of their jobs.

    In `again` seconds one that is silent may have been so for long enough.
    """

    due: int = 0
    expired: int = 0
    forgotten: int = 0
    dead: dict[str, Retired] = {}
    again: float = inf


class QueueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A queue that an engine knows: whether it is paused, and since when its oldest ready job waits."""

    name: str
    paused: bool = False
    oldest: float | None = None


@runtime_checkable
class Broker(Protocol):
    """Carries jobs from those who send to those who run."""

    capabilities: Capabilities

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        """Store all or none; for each whether it is new: an id that is known already changes nothing.

        `by` is the running attempt that sends: unless it still owns its job LeaseLost is raised, and
        nothing is stored.
        """
        ...

    def push_each(
        self, batches: Iterable[Sequence[Message]], *, by: Claim | None = None
    ) -> Iterator[list[bool]]:
        """`push` of one batch after the other, answered in turn.

        While one is being stored the next may be taken from `batches`; it is stored only after that. What
        `batches` raises is raised when all that it gave before is stored and told. Any other error is that
        of the batch after the last one told, and nothing after that is stored.
        """
        ...

    def exchange(
        self,
        ends: Sequence[End],
        worker: str,
        queues: Collection[str] | None,
        limit: int,
        *,
        alone: bool = True,
        will_wait: bool = False,
    ) -> Turn:
        """Settle, then claim, as one step: `settle` and `claim` together (the worker's steady step).

        Who says `will_wait`, if nothing is claimed, calls `wait` for the same queues next and then, if that
        says so, `exchange` again, in the same thread. An engine may let the wait begin within this step, and
        may claim a job for this worker while it waits: the next `exchange` gives it, or lets it wait again,
        free of charge, where `limit` leaves no room.
        """
        ...

    def claim(
        self, worker: str, queues: Collection[str] | None, limit: int, *, alone: bool = True
    ) -> list[Claim]:
        """Up to `limit` ready jobs of these queues (None is all), each to exactly one claimant.

        By priority, then age; paused queues are passed over; what is due is promoted first, what is
        expired never starts. A suspect is claimed only while its worker is `alone` with it, and then by
        itself, before all others: it had its turn once. What cannot be read is parked and never
        returned. A retired worker gets nothing.
        """
        ...

    def settle(self, ends: Sequence[End]) -> list[Claim]:
        """Write each end (state, result or error, follow-ups) together or not at all; those refused.

        An end applies only while the claim's token is current and its job runs; otherwise it changes
        nothing, pushes nothing, and its claim is in the answer. The same end again (its answer was
        lost, its caller repeats) changes nothing and is not refused, as long as nobody moved the job
        on. A job whose cancelling was asked while it ran becomes cancelled instead of waiting again.
        """
        ...

    def wait(self, queues: Collection[str] | None, timeout: float, *, alone: bool = True) -> bool:
        """Sleep until there may be something to claim: True, or False after `timeout` seconds.

        Suspects count for who is `alone`, as in `claim`: a worker that runs something does not stay awake for
        them.
        May return early, and does after `wake`; never sleeps through work that was pushed or fell due
        before or during the call.
        """
        ...

    def has_suspects(self, queues: Collection[str] | None) -> bool:
        """Whether suspects of these queues wait for a worker that is alone; paused queues are passed over."""
        ...

    def cancel(self, ids: Collection[str], *, terminate: bool = False) -> dict[str, State]:
        """Cancel those that wait; mark those that run, so that they never wait again by themselves.

        With `terminate` the worker that runs one hears with its next beats that it is to end it, and a
        later call without it does not take that back. Answers with the state each known job has now;
        a final one stays as it is.
        """
        ...

    def replay(self, ids: Collection[str]) -> list[str]:
        """Let final and parked jobs wait again under their ids, due now; those that do, in this order.

        They begin afresh: no retries, crashes, suspicion, cancelling, result, error, progress or
        `expires`, and a new fence. The old end is kept among their `attempts` and stays counted.
        Other jobs, and unknown ones, are passed over.
        """
        ...

    def delete(self, ids: Collection[str]) -> list[str]:
        """Forget jobs, with all that is attached to them, unless they run; those forgotten, in this order.

        Their ids are free again; no attempt of the forgotten job owns one that is sent under its id
        later. What was counted as ended stays counted.
        """
        ...

    def sweep(self) -> Swept:
        """Promote what is due, end what expired, retire the dead, forget what is old.

        Safe to run anywhere at once. Death is a proof on this host or observed silence, never a
        comparison of clocks.
        """
        ...

    def count(self, queues: Collection[str] | None = None) -> Counts:
        """How many jobs of each queue are in each state that is not final, and in each final one since
        the queue is known; a snapshot.
        """
        ...

    def queues(self) -> list[QueueInfo]:
        """Every queue that was ever sent to, by name."""
        ...

    def purge(self, queues: Collection[str]) -> int:
        """Cancel everything that waits in these queues, delayed or not; how many.

        Each keeps the note "purged". Running jobs are not touched.
        """
        ...

    def pause(self, queue: str) -> None:
        """No job of this queue is claimed from now on; running ones go on."""
        ...

    def resume(self, queue: str) -> None:
        """Jobs of this queue are claimed again."""
        ...

    def beat(self, reports: Sequence[Report]) -> Heard:
        """Say that these workers live, all in one call, and hear what is to be done.

        Cheap however many jobs there are: a supervisor calls it every `BEAT_SECONDS` for all children.
        """
        ...

    def order(self, worker: str, what: str) -> bool:
        """Give this incarnation a standing order of `ORDERS`; False when it is unknown or retired.

        It hears the order with each beat from then on; the engine itself withholds no job from it.
        Raises InvalidOption for any other word.
        """
        ...

    def held(self, worker: str) -> list[Claim]:
        """What this incarnation has running now, by the age of the jobs, as its claims were given.

        So a claim whose answer was lost can be taken up, and a supervisor can settle for a dead child.
        """
        ...

    def workers(self) -> list[Report]:
        """The workers that are not retired, with their last report."""
        ...

    def retire(self, worker: str, *, crashed: bool = True, evidence: str = "") -> Retired:
        """End a worker's claims: its running jobs wait again, its locks are free.

        `crashed` says that its process died: its jobs become suspects, and one that ran alone has
        a crash more and after three is quarantined, with what follows its failure in the same step.
        Otherwise they return free of charge. `evidence` tells how it died (its first
        `EVIDENCE_BYTES` are kept): each job that ran has it among its `attempts`, one that becomes
        quarantined in its error. A second call does nothing.
        """
        ...

    def unpark(self, tasks: Collection[str]) -> int:
        """Put the parked jobs of these tasks back in line; how many. A worker says so when it starts."""
        ...


@runtime_checkable
class Store(Protocol):
    """Remembers jobs, their results, and what they hold."""

    def result(self, id: str) -> Job | None:
        """The job with all that is known of it, or None for an unknown id."""
        ...

    def wait_results(self, ids: Collection[str], timeout: float) -> dict[str, Job]:
        """Sleep until at least one of these jobs is final: all that are; empty after `timeout` seconds.

        Never sleeps through an end written before or during the call; `wake` ends it early. An unknown
        id is waited for.
        """
        ...

    def wake(self) -> None:
        """End every `wait` and `wait_results` of this engine object early. For signal handlers too."""
        ...

    def annotate(self, claim: Claim, kind: str, data: bytes) -> bool:
        """Attach progress (the last one counts), a log line or a file; False when the job was lost."""
        ...

    def annotations(self, id: str, kind: str) -> list[bytes]:
        """What was attached to a job under this kind, oldest first."""
        ...

    def owns(self, claim: Claim) -> bool:
        """Whether this attempt still owns its job."""
        ...

    def find(self, filter: Filter, *, page: str | None = None, limit: int = 50, brief: bool = False) -> Page:
        """A page of the jobs that match, newest first, by keyset: jobs made meanwhile move nothing.

        A page takes bounded time however many jobs there are: where matching ones are rare it may hold
        fewer than `limit`, even none, and its `next` still leads on. With `brief` no more need be told
        of a job than its id, task, queue, priority and state. Raises InvalidOption for a `page` that no
        page named as its `next`.
        """
        ...

    def attempts(self, id: str) -> list[Job]:
        """The attempts of a job that did not end it (retried, crashed, parked), and the ends that were
        replayed; oldest first.
        """
        ...

    def acquire(
        self, name: str, owner: str, *, slots: int = 1, seconds: float | None = None, worker: str = ""
    ) -> int | None:
        """Take one of the `slots` of a lock: a fence number that only grows, or None when all are held.

        The same owner gets its number again. Held until released, until `seconds` passed by the
        engine's clock, or until the `worker` that holds it is retired; a retired one gets none.
        """
        ...

    def renew(self, name: str, owner: str, *, seconds: float) -> bool:
        """Hold it for `seconds` from now; False when this owner does not hold it any more."""
        ...

    def release(self, name: str, owner: str) -> bool:
        """Free it if this owner holds it; anybody else changes nothing and hears False."""
        ...

    def take(self, bucket: str, *, per_second: float, burst: int = 1) -> float:
        """Take a token: 0.0 when granted, else the seconds until one will be there. Idle time never costs."""
        ...

    def arrive(self, barrier: str, member: str, *, of: int) -> bool:
        """Enter a set of `of` members; True exactly once, for the arrival that completed it."""
        ...

    def save_schedule(self, schedule: Schedule, *, seed: bool = False) -> bool:
        """Write it; with `seed` only where it is absent. Whether it was written."""
        ...

    def schedules(self) -> list[Schedule]:
        """All of them, by name."""
        ...

    def drop_schedule(self, name: str) -> bool:
        """Forget it; whether it was there."""
        ...

    def fire_due(self, name: str, due: float, next_due: float | None, messages: Sequence[Message]) -> bool:
        """Push the jobs of one due moment and move on, once: only if it is enabled and `due` is still its
        next moment.
        """
        ...


@runtime_checkable
class Engine(Broker, Store, Protocol):
    """A broker and a store in one, so that a job's end is one atomic step."""

    def open(self) -> None:
        """Connect and bring the schema up to date; raises EngineUnavailable or EngineRefused."""
        ...

    def migrate(self) -> list[str]:
        """Apply the migrations that are missing; their names."""
        ...

    def profile(self) -> Profile:
        """The durability profile that follows from the real settings."""
        ...

    def close(self) -> None:
        """Let go of every connection; the next call opens again."""
        ...


@runtime_checkable
class Scripted(Protocol):
    """What an engine offers too when its schema is SQL, for those who apply it by other means."""

    def migrations_sql(self) -> str:
        """All migrations as one script, from an empty place to the newest schema; asks no server."""
        ...


def names(queues: Iterable[str] | None) -> list[str] | None:
    """The queues as a list without repeats; None stays None (all of them)."""
    return None if queues is None else list(dict.fromkeys(queues))


def lost_by(claim: Claim, count: int) -> LeaseLost:
    """The error of an attempt that sends jobs and no longer owns its own."""
    return LeaseLost(
        f"attempt {claim.attempt} of job {claim.id} ({claim.message.task}) no longer owns it: it was "
        f"given to another attempt or has ended; the {count} job{'s' * (count != 1)} it sent were not "
        "stored, end the task without further effects"
    )


def check_order(what: str) -> None:
    """Raises InvalidOption unless it is one of `ORDERS`."""
    if what not in ORDERS:
        raise InvalidOption(
            f"no worker knows the order {what!r}{nearest(what, ORDERS)} "
            "(there are: quiet, stop, and the empty text to take an order back)"
        )


def page_number(page: str) -> int:
    """The number in the name of a page; raises InvalidOption for anything else."""
    if not page.isdecimal():
        raise InvalidOption(f"{page!r} names no page; take it from `next` of the page before")
    return int(page)
