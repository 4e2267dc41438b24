"""The checker: holds what the engine says at the end against what the processes wrote down themselves.

A pure function of the evidence. Each violation names the law of the harness that was broken:

    C1   lost: acknowledged and not ended as it must, or ended without its effect
    C2   phantom: run or kept although it was never stored
    C3   a body started twice, and no fault of its first owner between the two explains it
    C5   finished twice: an earlier end stands although a later attempt finished, or one was run again
    C8   a job of unknown fate that is neither there nor not there
    C9   what a fault interrupted was run again only after LATEST_SECONDS
    C10  left over: something still runs, or is held, after the end
    C11  poison that was not quarantined, or an innocent job that was
    G14  started after it was cancelled
    due  started before it was due
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec

from cardoon.engines.contract import SOLO_CRASHES_TO_QUARANTINE
from cardoon.model.job import Job
from cardoon.model.states import State
from cardoon.testing.torture.evidence import FOR_EVER, Evidence
from cardoon.testing.torture.ledger import Record
from cardoon.testing.torture.recovery import interruptions

LATEST_SECONDS = 60.0
"""Far beyond what is promised, so that a busy machine is no violation, and a job that starves is one."""

DUE_SLACK_NS = 5_000_000
"""The wall clock, by which jobs are due, is steered; the ledger's never is."""


class Violation(msgspec.Struct, frozen=True):
    """Something that may not be. `what` is one of `COUNTED`, `id` names the job if it is about one."""

    law: str
    what: str
    text: str
    id: str = ""


COUNTED = (
    "lost",
    "phantom",
    "doubled while alive",
    "unexplained",
    "finished twice",
    "run again too late",
    "unresolved",
    "left over",
    "poison at large",
    "innocent quarantined",
    "started though cancelled",
    "started too early",
)
"""What is counted in a report; each must be 0."""


def check(evidence: Evidence) -> list[Violation]:
    """Everything that may not be."""
    found = [Violation("C10", "left over", text) for text in evidence.left]
    found += _late(evidence)
    for id in sorted(evidence.ids):
        history = History(id, evidence)
        for look in _LOOKS:
            found += look(history)
    return found


def _late(evidence: Evidence) -> Iterator[Violation]:
    for kind, first, second, seconds in interruptions(evidence):
        if seconds > LATEST_SECONDS:
            words = f"attempt {second.attempt} began {seconds:.0f} s after the fault ({kind}) of attempt"
            yield Violation("C9", "run again too late", f"{words} {first.attempt}", first.id)


def counts(violations: list[Violation]) -> dict[str, int]:
    """How many there are of each."""
    told = Counter(violation.what for violation in violations)
    return {what: told[what] for what in COUNTED}


class History:
    """All that is known of one job."""

    def __init__(self, id: str, evidence: Evidence) -> None:
        self.id = id
        self.evidence = evidence
        self.job: Job | None = evidence.jobs.get(id)
        self.state = self.job.state if self.job else None
        self.wants = evidence.of(id, "want")
        self.starts = sorted(evidence.of(id, "start"), key=lambda record: record.token)
        self.kind: str = self.wants[0].data["kind"] if self.wants else ""

    def tokens(self, event: str) -> list[int]:
        """The tokens of the attempts that wrote this, ascending."""
        return sorted(record.token for record in self.evidence.of(self.id, event))

    @property
    def is_due(self) -> bool:
        """Whether the engine must know it."""
        return self.fate in ("acknowledged", "followed a success")

    @property
    def may_be(self) -> bool:
        """Whether the engine may know it."""
        return self.is_due or self.fate == "of unknown fate"

    @property
    def fate(self) -> str:
        """What those who sent it know."""
        events = [record.event for record in self.evidence.of(self.id, "want", "ack", "refused")]
        parent = self.evidence.linked.get(self.id)
        if "ack" in events:
            return "acknowledged"
        if parent is not None:
            return "followed a success" if self.evidence.succeeded(parent) else "followed no success"
        if not events:
            return "never sent"
        return "refused" if events.count("refused") == events.count("want") else "of unknown fate"

    def violation(self, law: str, what: str, text: str) -> Violation:
        """Something that may not be, about this job."""
        return Violation(law, what, text, self.id)


def _lost(history: History) -> Iterator[Violation]:
    job = history.job
    if job is None:
        if history.is_due:
            yield history.violation("C1", "lost", f"it was {history.fate}, and the engine does not know it")
    elif not job.final:
        yield history.violation("C1", "lost", f"it is {job.state} for ever ({job.note or 'without a note'})")
    elif job.state is State.SUCCEEDED:
        if job.token not in history.tokens("effect"):
            yield history.violation("C1", "lost", f"it succeeded by token {job.token} without its effect")
    elif not _may_end_so(history):
        yield history.violation("C1", "lost", f"it ended as {job.state}: {job.error or job.note}")


def _may_end_so(history: History) -> bool:
    """Other ends than success: quarantine is judged elsewhere."""
    cancelled = history.state is State.CANCELLED and history.kind == "cancelled"
    return cancelled or history.state is State.QUARANTINED


def _phantom(history: History) -> Iterator[Violation]:
    if history.may_be:
        return
    if history.starts:
        yield history.violation("C2", "phantom", f"it was {history.fate}, and ran")
    elif history.job is not None:
        yield history.violation("C2", "phantom", f"it was {history.fate}, and is {history.state}")


def _doubled(history: History) -> Iterator[Violation]:
    for first, second in pairwise(history.starts):
        if first.token == second.token:
            yield history.violation("C3", "unexplained", f"two attempts had the token {first.token}")
        elif second.retries > first.retries:
            if first.token not in history.tokens("retry"):
                words = f"attempt {first.attempt} was retried without asking for it"
                yield history.violation("C3", "unexplained", words)
        elif not history.evidence.fault(first, second.at):
            alive = history.evidence.last_word(first.pid) > second.at
            words = f"attempt {second.attempt} began, and nothing befell process {first.pid} of attempt"
            what = "doubled while alive" if alive else "unexplained"
            yield history.violation("C3", what, f"{words} {first.attempt}")


def _unremembered(history: History) -> Iterator[Violation]:
    """Each attempt but the last is remembered with its end: a success that was run again would not be."""
    job = history.job
    if job is None or job.state is not State.SUCCEEDED:
        return
    remembered = len(history.evidence.attempts.get(job.id, ()))
    if remembered != job.attempt - 1:
        words = f"the engine remembers {remembered} attempts before attempt {job.attempt}"
        yield history.violation("C5", "finished twice", words)


def _finished_twice(history: History) -> Iterator[Violation]:
    job, tokens = history.job, history.tokens("effect")
    if job is not None and job.state is State.SUCCEEDED and tokens and tokens[-1] > job.token:
        words = f"the end of token {job.token} stands, although token {tokens[-1]} had finished"
        yield history.violation("C5", "finished twice", words)


def _unresolved(history: History) -> Iterator[Violation]:
    if history.fate == "of unknown fate" and history.starts and history.job is None:
        yield history.violation("C8", "unresolved", "it ran, and the engine does not know it")


def _poison(history: History) -> Iterator[Violation]:
    job, quarantined = history.job, history.state is State.QUARANTINED
    if history.kind == "poison":
        if job is not None and job.final and not quarantined:
            yield history.violation("C11", "poison at large", f"it kills its process, and is {job.state}")
    elif quarantined and (died := deaths(history)) < SOLO_CRASHES_TO_QUARANTINE:
        words = f"it is quarantined, and {died} of its attempts met with a fault"
        yield history.violation("C11", "innocent quarantined", words)


def deaths(history: History) -> int:
    """How many attempts of a job met with a fault before the next one began, or before they did."""
    ends = [start.at for start in history.starts[1:]] + [FOR_EVER] * len(history.starts[:1])
    begun = {start.attempt for start in history.starts}
    never_begun = (a for a in history.evidence.attempts.get(history.id, ()) if a.attempt not in begun)
    died = sum(_died_in(history, start, end) for start, end in zip(history.starts, ends, strict=True))
    return died + sum(map(history.evidence.died_before_it_began, never_begun))


def _died_in(history: History, start: Record, before: int) -> bool:
    """Whether its process never wrote of anything else after this attempt, or stood still within it."""
    own = [r.at for r in history.evidence.of(history.id) if r.pid == start.pid and r.token == start.token]
    fault = history.evidence.fault(start, before)
    last_of_its_process = history.evidence.last_word(start.pid) <= max(own)
    return bool(fault) and (fault == "stopped" or last_of_its_process)


def _cancelled(history: History) -> Iterator[Violation]:
    for cancel in history.evidence.of(history.id, "cancel"):
        if cancel.data["state"] == State.CANCELLED and any(s.at > cancel.at for s in history.starts):
            yield history.violation("G14", "started though cancelled", "it was cancelled before it began")


def _too_early(history: History) -> Iterator[Violation]:
    due = [want.at + want.data.get("countdown", 0.0) * 1e9 for want in history.wants]
    if due and any(start.at < min(due) - DUE_SLACK_NS for start in history.starts):
        yield history.violation("due", "started too early", "it began before it was due")


_LOOKS: tuple[Callable[[History], Iterator[Violation]], ...] = (
    _lost,
    _phantom,
    _doubled,
    _unremembered,
    _finished_twice,
    _unresolved,
    _poison,
    _cancelled,
    _too_early,
)
