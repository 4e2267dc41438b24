"""What a law works with: an engine in an empty place, and short ways to make and move jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from cardoon.engines import urls
from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model.job import Claim, Job, Report
from cardoon.model.message import DEFAULT_QUEUE, Message
from cardoon.model.outcome import Outcome
from cardoon.model.states import State
from cardoon.testing.conformance.arena import Arena
from cardoon.testing.conformance.clockwork import MovableClock
from cardoon.testing.conformance.facts import given, same
from cardoon.testing.conformance.hands import ANSWER_SECONDS, Crew, Hand, Hands, Processes, Threads, Work
from cardoon.testing.conformance.reach import reach

T = TypeVar("T")
Connect = Callable[[str], Engine]


class Bench:
    """`engine` is open and empty; `url` leads to the same place; `clock` is the one that the engine reads."""

    def __init__(self, url: str, connect: Connect, crew: Crew) -> None:
        self.url = url
        self.clock = MovableClock()
        self.engine = connect(url)
        self._connect = connect
        self._crew = crew
        self._opened = [self.engine]

    def again(self) -> Engine:
        """A second engine object on the same place; for laws that need `shared` or `durable`."""
        return self.by_way_of(self.url)

    def by_way_of(self, url: str) -> Engine:
        """An engine object that reaches the same place by another address."""
        engine = self._connect(url)
        self._opened.append(engine)
        engine.open()
        return engine

    def close(self) -> None:
        """Close every engine that was opened here."""
        for engine in self._opened:
            engine.close()

    # -- jobs

    def message(self, **changes: Any) -> Message:
        """A message with a fresh id, sent now."""
        plain = Message(id=clock.new_id(), task="shop.resize", sent=clock.now())
        return msgspec.structs.replace(plain, **changes)

    def push(self, **changes: Any) -> str:
        """Push one new job: its id."""
        message = self.message(**changes)
        same(self.engine.push([message]), [True], "the answer to pushing a new job")
        return message.id

    def push_many(self, count: int, **changes: Any) -> list[str]:
        """Push so many new jobs in one call: their ids, in order."""
        messages = [self.message(**changes) for _ in range(count)]
        same(self.engine.push(messages), [True] * count, "the answer to pushing new jobs")
        return [message.id for message in messages]

    def claim(
        self,
        limit: int = 1,
        *,
        worker: str = "ada",
        queues: Collection[str] | None = None,
        alone: bool = True,
    ) -> list[Claim]:
        """What a worker gets."""
        return self.engine.claim(worker, queues, limit, alone=alone)

    def claim_ids(self, limit: int = 100, **how: Any) -> list[str]:
        """The ids of what a worker gets, in order."""
        return [claim.id for claim in self.claim(limit, **how)]

    def claim_one(self, id: str, *, worker: str = "ada", alone: bool = True) -> Claim:
        """Claim the next job, which must be this one."""
        claims = self.claim(worker=worker, alone=alone)
        same([claim.id for claim in claims], [id], "the job that was claimed")
        return claims[0]

    def running(self, *, worker: str = "ada", **changes: Any) -> Claim:
        """A new job in the hands of a worker; nothing else is ready meanwhile."""
        return self.claim_one(self.push(**changes), worker=worker)

    def end(self, claim: Claim, outcome: Outcome) -> bool:
        """Settle one claim: whether that was accepted."""
        refused = self.engine.settle([(claim, outcome)])
        same([c.id for c in refused], [claim.id][: len(refused)], "the claims that settle refused")
        return not refused

    def finished(self, outcome: Outcome, **changes: Any) -> Job:
        """A new job that was run and ended so."""
        claim = self.running(**changes)
        same(self.end(claim, outcome), True, "the first end of a current claim is accepted")
        return self.job(claim.id)

    def job(self, id: str) -> Job:
        """What is known of a job, which must be known."""
        return given(self.engine.result(id), f"the job {id}")

    def state(self, id: str) -> State:
        """The state of a job, which must be known."""
        return self.job(id).state

    def count(self, state: State, queue: str = DEFAULT_QUEUE) -> int:
        """How many jobs of a queue the engine counts in a state."""
        return self.engine.count([queue]).get(queue, {}).get(state, 0)

    def beat(self, worker: str, beats: int = 1, **changes: Any) -> set[str]:
        """Let a worker say that it lives; no process proves it dead. Those that were retired."""
        return self.engine.beat([Report(worker=worker, beats=beats, **changes)]).retired

    # -- many at once

    @property
    def shared(self) -> bool:
        """Whether other processes see the same jobs."""
        return self.engine.capabilities.shared

    def race(self, work: Work, *args: Any, hands: int = 3) -> list[Any]:
        """`work(engine, hand, *args)` by several hands at the same moment: their answers."""
        on: Hands = Processes(self._crew, self.url) if self.shared else Threads(self.engine)
        return on.together(hands, work, args)

    def hire(self) -> Hand:
        """A process to work on this place and to be killed; for laws that need `shared`."""
        return self._crew.hire()

    def meanwhile(self, call: Callable[[], T]) -> Future[T]:
        """Make a call in another thread; the answer is awaited with `answer_of`."""
        future: Future[T] = Future()

        def make() -> None:
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=make, daemon=True).start()
        return future


def answer_of(future: Future[T]) -> T:
    """The answer to a call made meanwhile; it must come in time."""
    return future.result(ANSWER_SECONDS)


@contextmanager
def bench_in(arena: Arena, crew: Crew, connect: Connect = urls.connect) -> Generator[Bench]:
    """A bench in a fresh place, with its clock in force; afterwards everything is closed and removed."""
    bench = Bench(arena.fresh(), connect, crew)
    try:
        with clock.use(bench.clock):
            bench.engine.open()
            yield bench
    finally:
        bench.close()
        arena.cleanup()


def lacks(needs: tuple[str, ...], arena: Arena, bench: Bench) -> list[str]:
    """Which of these needs neither the arena offers, nor the URL allows, nor the engine declares."""
    declared = msgspec.structs.asdict(bench.engine.capabilities)
    offered = arena.offers | reach(bench.url)
    return [need for need in needs if need not in offered and not declared.get(need)]
