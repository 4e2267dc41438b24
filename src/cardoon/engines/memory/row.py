"""One job as the memory engine keeps it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import msgspec

from cardoon.model.job import Claim, Job
from cardoon.model.message import Message, decode, encode
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State

Place = tuple[int, int, str]
"""Where a job stands in its line: priority, order of push, id."""


@dataclass(slots=True)
class Letter:
    """A message with its wire form, so that nobody who still holds the original can change it."""

    message: Message
    body: bytes

    @classmethod
    def of(cls, message: Message) -> Letter:
        """Its own copy; raises what `encode` and `decode` raise for data that was never packed."""
        body = encode(message)
        return cls(decode(body), body)


@dataclass(slots=True)
class Row:
    """A job with everything known of it; `order` grows with each push and never changes."""

    order: int
    letter: Letter
    created: float
    due: float | None
    state: State = State.READY
    since: float = 0.0
    token: int = 0
    attempt: int = 0
    retries: int = 0
    crashes: int = 0
    suspect: bool = False
    cancelling: bool = False
    terminating: bool = False
    started: float | None = None
    finished: float | None = None
    worker: str | None = None
    result: bytes | None = None
    error: ErrorReport | None = None
    note: str = ""
    notes: dict[str, list[bytes]] = field(default_factory=dict)
    earlier: list[Job] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The id of the job."""
        return self.letter.message.id

    @property
    def queue(self) -> str:
        """Its queue; a retry may change it."""
        return self.letter.message.queue

    @property
    def expires(self) -> float | None:
        """The moment from which on it must not start."""
        return self.letter.message.expires

    @property
    def place(self) -> Place:
        """Where it stands in its line."""
        return self.letter.message.priority, self.order, self.id

    def start(self, worker: str, now: float) -> None:
        """A new attempt, in the hands of this worker."""
        self.state, self.worker, self.started = State.RUNNING, worker, now
        self.token += 1
        self.attempt += 1

    def claim(self) -> Claim:
        """The claim of the attempt that runs."""
        return Claim(
            message=decode(self.letter.body),
            worker=self.worker or "",
            token=self.token,
            attempt=self.attempt,
            retries=self.retries,
            crashes=self.crashes,
            suspect=self.suspect,
            ref=self.order,
            claimed=self.started or 0.0,
        )

    def begin_afresh(self, now: float) -> None:
        """As if it was never run, due now; only its attempts are counted on, under a new fence."""
        self.remember(self.state, self.finished)
        message = msgspec.structs.replace(self.letter.message, due=None, expires=None)
        self.letter, self.due, self.finished = Letter.of(message), now, None
        self.retries = self.crashes = 0
        self.suspect = self.cancelling = self.terminating = False
        self.result, self.error, self.note = None, None, ""
        self.notes.pop("progress", None)
        self.token += 1

    def annotate(self, kind: str, data: bytes) -> None:
        """Attach something; of progress only the last counts."""
        kept = self.notes.setdefault(kind, [])
        if kind == "progress":
            kept.clear()
        kept.append(data)

    def remember(self, state: State, finished: float | None) -> None:
        """Keep this attempt, which leaves the job in `state`, among the earlier ones, each once."""
        if not self.earlier or self.earlier[-1].token < self.token:
            self.earlier.append(dataclasses.replace(self, state=state, finished=finished).job())

    def last_left_in(self) -> State:
        """The state in which its last attempt left it; one that is on no record was given back."""
        if self.earlier and self.earlier[-1].token == self.token:
            return self.earlier[-1].state
        return State.READY

    def job(self) -> Job:
        """Everything that is known of it."""
        message = self.letter.message
        return Job(
            id=message.id,
            task=message.task,
            queue=message.queue,
            priority=message.priority,
            state=self.state,
            token=self.token,
            attempt=self.attempt,
            retries=self.retries,
            crashes=self.crashes,
            created=self.created,
            due=self.due,
            expires=message.expires,
            started=self.started,
            finished=self.finished,
            worker=self.worker,
            parent=message.parent,
            result=self.result,
            progress=self.notes.get("progress", [None])[-1],
            error=self.error,
            note=self.note,
            body=self.letter.body,
        )
