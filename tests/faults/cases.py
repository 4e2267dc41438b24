"""Each verb of the contract, in the situations that matter, on the file of `house`.

A verb without a case fails `test_every_verb_has_a_case`, and so does an option that no case gives.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cardoon.engines.contract import Broker, Engine, Retired, Store, Turn
from cardoon.model import outcome
from cardoon.model.errors import LeaseLost
from cardoon.model.job import Claim, Filter, Report, Schedule
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State

from .house import House
from .still import START


class _Same:
    """The same answer again."""


SAME = _Same()
Args = Callable[[House], tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """A call of a verb: what it is given, and what the same call answers a second time.

    `repeats` is False where a second call does more (claims other jobs, adds another line); `steps`
    is True for a verb that is a sequence of atomic steps; `asks_after` for one whose answer is read
    after its commit, so that an error may come after all was written; `fresh` begins with no file at
    all, and `closed` with an engine that was not opened yet; it has sent to the `known` queues before.
    """

    verb: str
    what: str
    args: Args = lambda _house: ()
    options: Mapping[str, Any] = field(default_factory=dict)
    again: Any = SAME
    repeats: bool = True
    steps: bool = False
    asks_after: bool = False
    fresh: bool = False
    closed: bool = False
    known: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.verb}, {self.what}"

    def call(self, engine: Engine, house: House) -> Any:
        """The answer; an error that the contract foresees is one too."""
        options = {k: v(house) if callable(v) else v for k, v in self.options.items()}
        try:
            answer = getattr(engine, self.verb)(*self.args(house), **options)
            return list(answer) if isinstance(answer, Iterator) else answer
        except LeaseLost as lost:
            return type(lost)


def verbs() -> dict[str, inspect.Signature]:
    """All that the contract has, by name."""
    found = {**vars(Broker), **vars(Store), **vars(Engine)}
    return {
        name: inspect.signature(verb)
        for name, verb in found.items()
        if inspect.isfunction(verb) and not name.startswith("_")
    }


def new(*names: str, queue: str = "new", **options: Any) -> list[Message]:
    return [Message(id=name, task="t", queue=queue, **options) for name in names]


def claim(name: str) -> Callable[[House], Claim]:
    return lambda house: house.claims[name]


def ends(*names: str, end: Any = None) -> Args:
    """The same end for each of these."""
    end = end or outcome.succeeded(b"3")
    return lambda house: ([(house.claims[name], end) for name in names],)


def changed(name: str) -> Args:
    """It is to be run again, in another queue."""

    def args(house: House) -> tuple[Any, ...]:
        message = msgspec.structs.replace(house.messages[name], queue="elsewhere")
        return ([(house.claims[name], outcome.retrying(START + 5_000, None, message))],)

    return args


def exchanged(*names: str, limit: int) -> Args:
    """These end, and that many are claimed by their worker."""
    return lambda house: (*ends(*names)(house), "w1", ["a"], limit)


def plain(*args: Any) -> Args:
    return lambda _house: args


BATCHES = [new("n1"), new("n2", "n3")]
FOLLOW = outcome.succeeded(b"3", tuple(new("follows", "follows-too")))
LOGGED = msgspec.structs.replace(outcome.skipped("why"), log=(b"one line", b"another"))
RETRY = msgspec.structs.replace(outcome.retrying(START + 5_000, ErrorReport(type="E")), log=(b"a line",))
REPORT = Report(worker="w1", beats=7)

BROKER = [
    Case("push", "one", plain(new("n1")), again=[False]),
    Case("push", "one to a known queue", plain(new("n1", queue="a")), again=[False], known=("a",)),
    Case("push", "three", plain(new("n1", "n2", "n3")), again=[False, False, False]),
    Case("push", "known ones among them", plain(new("n1", "ready", "n1")), again=[False, False, False]),
    Case("push", "by an attempt", plain(new("n1")), {"by": claim("running")}, again=[False]),
    Case("push", "by an attempt that lost its job", plain(new("n1")), {"by": claim("poison, earlier")}),
    Case("push_each", "two batches", plain(BATCHES), again=[[False], [False, False]], steps=True),
    Case(
        "push_each",
        "by an attempt",
        plain(BATCHES),
        {"by": claim("running")},
        again=[[False], [False, False]],
        steps=True,
    ),
    Case("exchange", "two ends, two claims", exchanged("running", "running-too", limit=2), repeats=False),
    Case("exchange", "no end", exchanged(limit=3), {"alone": False}, repeats=False),
    Case("exchange", "nothing to claim", exchanged("running", limit=0), again=Turn([], [])),
    Case("exchange", "of who will wait", exchanged(limit=3), {"will_wait": True}, repeats=False),
    Case("claim", "of all queues", plain("w1", None, 3), repeats=False),
    Case("claim", "by a new worker", plain("w9", ["a", "b", "paused"], 9), again=[]),
    Case("claim", "a suspect", plain("w1", ["s"], 5), {"alone": True}, repeats=False),
    Case("claim", "none while not alone", plain("w1", ["s"], 5), {"alone": False}),
    Case("claim", "by a retired worker", plain("crashed", None, 5)),
    Case("settle", "some", ends("running", "running-too", "unlucky")),
    Case("settle", "with what follows", ends("running", end=FOLLOW)),
    Case("settle", "with what it logged", ends("running", "suspect", end=LOGGED)),
    Case("settle", "to be run again", ends("running", "running-too", end=RETRY)),
    Case("settle", "to be run again, changed", changed("running")),
    Case("settle", "returned", ends("running", end=outcome.returned())),
    Case("settle", "parked", ends("running", end=outcome.parked("why"))),
    Case("settle", "one to be cancelled", ends("asked to end", end=RETRY)),
    Case("settle", "one to be cancelled, changed", changed("asked to end")),
    Case("settle", "one of them lost", ends("running", "suspect", "running-too")),
    Case("settle", "lost, with what follows", ends("suspect", end=FOLLOW)),
    Case("settle", "by an earlier attempt", ends("poison, earlier")),
    Case("wait", "with work there", plain(None, 1.0)),
    Case("wait", "in vain", plain(["empty"], 0.0)),
    Case("wait", "of a busy one", plain(["a"], 0.0), {"alone": False}),
    Case("has_suspects", "of some queues", plain(["a", "s"])),
    Case("cancel", "of every kind", plain(["ready", "due", "running", "done", "parked", "nobody"])),
    Case("cancel", "and end", plain(["ready", "running"]), {"terminate": True}),
    Case("replay", "of every kind", plain(["done", "failed", "parked", "ready", "running"]), again=[]),
    Case("delete", "of every kind", plain(["done", "ready", "parked", "running", "nobody"]), again=[]),
    Case("sweep", "with much to do", repeats=False, steps=True),
    Case("count", "all"),
    Case("count", "some", plain(["a", "d"])),
    Case("queues", "all"),
    Case("purge", "two queues", plain(["a", "c"]), again=0),
    Case("pause", "an open queue", plain("a")),
    Case("pause", "an unknown one", plain("unheard of")),
    Case("resume", "a paused queue", plain("paused")),
    Case("unpark", "a task", plain(["unknown"]), again=0),
    Case("beat", "of three", plain([REPORT, Report(worker="w3"), Report(worker="crashed")]), asks_after=True),
    Case("order", "stop", plain("w1", "stop")),
    Case("order", "for one that is gone", plain("crashed", "quiet")),
    Case("held", "two", plain("w1")),
    Case("workers", "all"),
    Case("retire", "with two jobs", plain("w1"), {"evidence": "signal 11"}, again=Retired([], [])),
    Case("retire", "with poison", plain("poisoned-2"), again=Retired([], [])),
    Case("retire", "in good order", plain("w2"), {"crashed": False}, again=Retired([], [])),
    Case("retire", "with one to be cancelled", plain("w3"), again=Retired([], [])),
    Case("retire", "one never heard of", plain("nobody")),
]

STORE = [
    Case("result", "a job", plain("done")),
    Case("result", "none", plain("nobody")),
    Case("wait_results", "of one that is there", plain(["running", "failed"], 1.0)),
    Case("wait_results", "in vain", plain(["running"], 0.0)),
    Case("wake", "nobody sleeps"),
    Case("annotate", "progress", lambda house: (house.claims["running"], "progress", b"more")),
    Case("annotate", "a line", lambda house: (house.claims["running"], "log", b"more"), repeats=False),
    Case("annotate", "of a lost attempt", lambda house: (house.claims["poison, earlier"], "log", b"late")),
    Case("annotations", "lines", plain("running", "log")),
    Case("annotations", "progress", plain("running", "progress")),
    Case("owns", "its job", lambda house: (house.claims["running"],)),
    Case("owns", "no more", lambda house: (house.claims["suspect"],)),
    Case("find", "all", plain(Filter())),
    Case("find", "a page of some", plain(Filter(states=frozenset({State.READY}))), {"limit": 2, "page": "9"}),
    Case("find", "all in brief", plain(Filter()), {"brief": True}),
    Case("attempts", "of a job", plain("poison")),
    Case("acquire", "a new lock", plain("fresh", "me"), {"worker": "w1", "seconds": 9.0}),
    Case("acquire", "another slot", plain("lock", "me"), {"slots": 2}),
    Case("acquire", "a held one", plain("lock", "me"), {"slots": 1}),
    Case("acquire", "once more", plain("lock", "owner")),
    Case("acquire", "for a retired worker", plain("fresh", "me"), {"worker": "crashed"}),
    Case("renew", "a lock", plain("lock", "owner"), {"seconds": 9.0}),
    Case("release", "a lock", plain("lock", "owner"), again=False),
    Case("take", "what is there", plain("bucket"), {"per_second": 0.01, "burst": 2}, repeats=False),
    Case("take", "too much", plain("bucket"), {"per_second": 0.01, "burst": 1}),
    Case("arrive", "the last", plain("barrier", "two"), {"of": 2}, again=False),
    Case("arrive", "a first", plain("another", "one"), {"of": 2}),
    Case("save_schedule", "a new one", plain(Schedule(name="new", next_due=9.0))),
    Case("save_schedule", "a changed one", plain(Schedule(name="hourly", next_due=9.0, enabled=False))),
    Case("save_schedule", "a seed", plain(Schedule(name="new")), {"seed": True}, again=False),
    Case("save_schedule", "a seed of a known one", plain(Schedule(name="hourly")), {"seed": True}),
    Case("schedules", "all"),
    Case("drop_schedule", "one", plain("hourly"), again=False),
    Case(
        "fire_due", "its moment", lambda h: ("hourly", h.now - 5, h.now + 5, new("fired", "too")), again=False
    ),
    Case("fire_due", "a moment that is not its", lambda h: ("hourly", h.now, h.now + 5, new("fired"))),
]

ENGINE = [
    Case("open", "with no file", fresh=True, steps=True),
    Case("open", "a file", closed=True),
    Case("migrate", "with no file", fresh=True, steps=True),
    Case("migrate", "a file", closed=True),
    Case("profile", "of a file", closed=True),
    Case("close", "after use"),
]

CASES = BROKER + STORE + ENGINE
