"""One job as the memory engine keeps it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

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

    def start(self, worker: str, now: float) -> Claim:
        """A new attempt, in the hands of this worker."""
        self.state, self.worker, self.started = State.RUNNING, worker, now
        self.token += 1
        self.attempt += 1
        return Claim(
            message=decode(self.letter.body),
            worker=worker,
            token=self.token,
            attempt=self.attempt,
            retries=self.retries,
            crashes=self.crashes,
            suspect=self.suspect,
            ref=self.order,
            claimed=now,
        )

    def annotate(self, kind: str, data: bytes) -> None:
        """Attach something; of progress only the last counts."""
        kept = self.notes.setdefault(kind, [])
        if kind == "progress":
            kept.clear()
        kept.append(data)

    def remember(self, state: State, now: float) -> None:
        """Keep this attempt, which leaves the job in `state`, among the earlier ones."""
        self.earlier.append(dataclasses.replace(self, state=state, finished=now).job())

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
