"""Any sequence of verbs: each engine does what the paper engine says, and the invariants hold after each.

I1 one state and one place, I2 tokens never shrink, I3 a stale end changes nothing, I4 final is
final until it is replayed, I5 running jobs have an owner, I6 counts are sums of rows and of ends, I8
one holder and growing numbers, I9 a moment fires once, I11 nothing is out of reach, I12 payload in is
payload out.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cardoon.engines.contract import Engine, Heard
from cardoon.engines.urls import connect
from cardoon.model import clock, outcome
from cardoon.model.errors import LeaseLost
from cardoon.model.job import Claim, Filter, Job, Report, Schedule
from cardoon.model.message import Message, decode
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import FINAL, State
from cardoon.testing.conformance import Arena
from cardoon.testing.conformance.arena import MemoryArena, SqliteArena

from .model import PaperEngine, PaperJob, told

SETTINGS = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
FEWER_ON_A_SERVER = 40
"""There every verb is a way there and back."""
A_WHILE = 600.0
"""Seconds."""
QUEUES, TASKS, LOCKS, OWNERS = ("a", "b"), ("t", "u"), ("l", "m"), ("x", "y")
ANY = st.integers(0, 30)
OPERATIONS = ("pause", "resume", "resume", "unpark", "purge")
ENDS = st.sampled_from(["ok", "fail", "skip", "retry", "return", "park"])
PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


class StillClock:
    """Wall time stands still but for what a rule moves; so the paper and the engine read the same.

    The other clock runs, and is a while ahead at each claim: what an engine remembers of where to begin to
    look (docs/decisions/0015-postgres.md) is old by then, however slow the machine.
    """

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.lived = 0.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return time.monotonic() + self.lived

    def random(self) -> float:
        return 0.5


class EngineMachine(RuleBasedStateMachine):
    def __init__(self, arena: Arena, connect: Callable[[str], Engine] = connect) -> None:
        super().__init__()
        self.end_of_it = ExitStack()
        self.clock = StillClock()
        self.end_of_it.enter_context(clock.use(self.clock))
        self.end_of_it.callback(arena.cleanup)
        self.engine = connect(arena.fresh())
        self.end_of_it.callback(self.engine.close)
        self.engine.open()
        self.paper = PaperEngine()
        self.made = 0
        self.workers = [self.fresh("w") for _ in range(3)]
        self.claims: list[tuple[Claim, PaperJob]] = []
        self.deleted: list[str] = []
        self.last: dict[str, Job] = {}
        self.numbers: dict[str, int] = {}
        self.due: float | None = self.clock.now
        self.fired: set[float] = set()
        self.engine.save_schedule(Schedule(name="s", next_due=self.due))

    def teardown(self) -> None:
        try:
            self.nothing_is_out_of_reach()
        finally:
            self.end_of_it.close()

    def fresh(self, word: str) -> str:
        self.made += 1
        return f"{word}{self.made}"

    def message(self, **changes: Any) -> Message:
        plain: dict[str, Any] = {"id": self.fresh("j"), "task": "t", "queue": "a"}
        return Message(**{**plain, **changes})

    # -- jobs

    @rule(
        queue=st.sampled_from(QUEUES),
        task=st.sampled_from(TASKS),
        priority=st.sampled_from([0, 5, 5, 9]),
        delay=st.sampled_from([None, None, None, -5, 5]),
        life=st.sampled_from([None, None, None, None, 0, 10]),
        payload=PAYLOADS,
        count=st.sampled_from([1, 1, 3]),
        is_mourned=st.sampled_from([False, False, True]),
    )
    def push(
        self,
        queue: str,
        task: str,
        priority: int,
        delay: int | None,
        life: int | None,
        payload: Any,
        count: int,
        is_mourned: bool,
    ) -> None:
        now = self.clock.now
        fields = {
            "queue": queue,
            "task": task,
            "priority": priority,
            "due": None if delay is None else now + delay,
            "expires": None if life is None else now + life,
            "args": [payload],
            "link_error": [Message(id="mourner", task="u", queue="b")] if is_mourned else [],
        }
        batch = [self.message(**fields) for _ in range(count)]
        assert self.engine.push(batch) == [self.paper.push(m, now) for m in batch]

    @precondition(lambda self: self.paper.jobs)
    @rule(which=ANY)
    def push_a_known_id(self, which: int) -> None:
        again = self.message(id=self.some_id(which), queue="b", args=["other"])
        new = self.message()
        assert self.engine.push([again, new, again]) == [False, self.paper.push(new, self.clock.now), False]

    @rule(
        worker=ANY,
        queues=st.sampled_from([None, ["a"], ["b"], ["b", "a"], []]),
        limit=st.sampled_from([1, 2, 2, 10]),
        alone=st.booleans(),
    )
    def claim(self, worker: int, queues: list[str] | None, limit: int, alone: bool) -> None:
        name = self.workers[worker % 3]
        claims = self.claimed(name, queues, limit, alone=alone)
        wanted = self.paper.claim(name, queues, limit, alone, self.clock.now)
        assert [claim.message for claim in claims] == [job.message for job in wanted]
        for claim, job in zip(claims, wanted, strict=True):
            assert claim.worker == name
            assert claim.token > job.token
            told = (claim.attempt, claim.retries, claim.crashes, claim.suspect)
            assert told == (job.attempt, job.retries, job.crashes, job.suspect)
            job.token = claim.token
        self.claims += zip(claims, wanted, strict=True)

    def claimed(
        self, worker: str, queues: list[str] | None, limit: int, *, alone: bool = True
    ) -> list[Claim]:
        self.clock.lived += A_WHILE
        return self.engine.claim(worker, queues, limit, alone=alone)

    @precondition(lambda self: self.claims)
    @rule(which=ANY, kind=ENDS)
    def settle_any_attempt(self, which: int, kind: str) -> None:
        """Current, stale or ended: the fence decides."""
        claim, job = self.claims[which % len(self.claims)]
        follow = self.message()
        end = self.an_end(kind, follow)
        before = self.engine.result(claim.id)
        is_repeated = self.paper.repeats(claim, job, end)
        refused = self.engine.settle([(claim, end)])
        if self.paper.settle(claim, job, end):
            assert refused == []
            for message in end.follow:
                self.paper.push(message, self.clock.now)
        else:
            assert [c.id for c in refused] == ([] if is_repeated else [claim.id])
            assert self.engine.result(claim.id) == before
            assert self.engine.result(follow.id) is None
            assert not self.engine.annotate(claim, "progress", b"late")

    @precondition(lambda self: self.claims)
    @rule(which=ANY, kind=ENDS, other=ENDS)
    def settle_twice(self, which: int, kind: str, other: str) -> None:
        """The reply was lost, so it is said again; or something else is said."""
        for said in (kind, kind, other):
            self.settle_any_attempt(which, said)

    @precondition(lambda self: self.claims)
    @rule(which=ANY, count=st.sampled_from([0, 1, 3]))
    def push_by_any_attempt(self, which: int, count: int) -> None:
        """Only the attempt that owns its job sends."""
        claim, job = self.claims[which % len(self.claims)]
        batch = [self.message() for _ in range(count)]
        if self.paper.owns(claim, job):
            assert self.engine.push(batch, by=claim) == [self.paper.push(m, self.clock.now) for m in batch]
            return
        assert self.is_refused(batch, claim)

    def is_refused(self, batch: list[Message], by: Claim) -> bool:
        try:
            self.engine.push(batch, by=by)
        except LeaseLost:
            return True
        return False

    def an_end(self, kind: str, follow: Message) -> Outcome:
        ends = {
            "ok": outcome.succeeded(b"1", (follow,)),
            "fail": outcome.failed(ErrorReport(type="E", message="\x00"), (follow,)),
            "skip": outcome.skipped("no"),
            "retry": outcome.retrying(self.clock.now + 7, None),
            "return": outcome.returned(),
            "park": outcome.parked("unknown"),
        }
        return ends[kind]

    @rule(which=ANY, crashed=st.booleans())
    def retire(self, which: int, crashed: bool) -> None:
        gone = self.workers[which % 3]
        self.workers[which % 3] = self.fresh("w")
        self.engine.retire(gone, crashed=crashed)
        self.paper.retire(gone, crashed, self.clock.now)
        again = self.engine.retire(gone)
        assert (again.returned, again.quarantined) == ([], [])

    @rule(queue=st.sampled_from(QUEUES))
    def die_with_one_job(self, queue: str) -> None:
        """The way into quarantine, which chance alone seldom takes."""
        self.claim(0, [queue], 1, True)
        self.retire(0, True)

    @rule(priority=st.sampled_from([0, 5]))
    def die_with_several_jobs(self, priority: int) -> None:
        """Their worker dies while they run: all suspects, none guilty."""
        self.push("a", "t", priority, None, None, None, 3, is_mourned=True)
        self.claim(0, ["a"], 10, True)
        self.retire(0, True)

    @rule(kind=ENDS, crashed=st.booleans())
    def end_too_late(self, kind: str, crashed: bool) -> None:
        """A worker is retired, another one gets its job, and only then the first one ends it."""
        late = len(self.claims)
        self.claim(0, None, 1, True)
        self.retire(0, crashed)
        self.claim(1, None, 1, True)
        if len(self.claims) > late:
            self.settle_any_attempt(late, kind)

    @rule(kind=ENDS)
    def end_what_was_cancelled(self, kind: str) -> None:
        """Cancelling is asked while a job runs, and then it ends."""
        before = len(self.claims)
        self.claim(1, None, 1, True)
        if len(self.claims) > before:
            id = self.claims[before][0].id
            assert self.engine.cancel([id]) == {id: self.paper.cancel(id)}
            self.settle_any_attempt(before, kind)

    @rule(kind=ENDS)
    def work(self, kind: str) -> None:
        """Claim one and end it."""
        before = len(self.claims)
        self.claim(1, None, 1, True)
        if len(self.claims) > before:
            self.settle_any_attempt(before, kind)

    @precondition(lambda self: self.paper.jobs)
    @rule(which=ANY, terminate=st.booleans())
    def cancel(self, which: int, terminate: bool) -> None:
        id = self.some_id(which)
        wanted = {id: self.paper.cancel(id, terminate=terminate)}
        assert self.engine.cancel([id, "unknown"], terminate=terminate) == wanted

    @precondition(lambda self: self.paper.jobs)
    @rule(which=ANY, other=ANY)
    def replay(self, which: int, other: int) -> None:
        ids = list(dict.fromkeys([self.some_id(which), self.some_id(other)]))
        wanted = [id for id in ids if self.paper.replay(id)]
        assert self.engine.replay([*ids, "unknown"]) == wanted
        for id in wanted:
            before, self.last[id] = self.last[id], self.known(id)
            assert self.last[id].token > before.token
            assert len(self.engine.attempts(id)) == self.paper.jobs[id].recorded

    @precondition(lambda self: self.paper.jobs)
    @rule(which=ANY, other=ANY)
    def delete(self, which: int, other: int) -> None:
        self.delete_these(list(dict.fromkeys([self.some_id(which), self.some_id(other)])))

    def delete_these(self, ids: list[str]) -> None:
        wanted = [id for id in ids if self.paper.delete(id)]
        assert self.engine.delete([*ids, "unknown"]) == wanted
        self.deleted += wanted
        for id in wanted:
            self.last.pop(id, None)
            assert (self.engine.result(id), self.engine.attempts(id)) == (None, [])

    @precondition(lambda self: self.deleted)
    @rule()
    def push_a_deleted_id(self) -> None:
        """It makes a new job, which no attempt of the old one owns; later, as no two moments are the same."""
        self.clock.now += 1
        message = self.message(id=self.deleted.pop())
        assert self.engine.push([message]) == [self.paper.push(message, self.clock.now)]

    @rule(kind=ENDS)
    def end_an_earlier_life(self, kind: str) -> None:
        """A job is given back, deleted, sent again and claimed, and only then its first attempt ends it."""
        late = len(self.claims)
        self.claim(1, None, 1, True)
        if len(self.claims) > late:
            self.settle_any_attempt(late, "return")
            self.delete_these([self.claims[late][0].id])
            if self.deleted:
                self.push_a_deleted_id()
            self.claim(2, None, 10, True)
            self.settle_any_attempt(late, kind)

    @rule(worker=ANY, what=st.sampled_from(["quiet", "stop", ""]))
    def order(self, worker: int, what: str) -> None:
        name = self.workers[worker % 3]
        assert self.engine.order(name, what) == self.paper.order(name, what)

    @rule(worker=ANY, terminate=st.booleans())
    def end_what_runs(self, worker: int, terminate: bool) -> None:
        """Something is in hand, its end is asked for, and the worker hears of it."""
        self.claim(worker, None, 1, True)
        for id in self.paper.held(self.workers[worker % 3])[:1]:
            assert self.engine.cancel([id], terminate=terminate) == {
                id: self.paper.cancel(id, terminate=terminate)
            }
        self.beat(7)

    @rule(which=st.integers(0, 7))
    def beat(self, which: int) -> None:
        beating = [worker for n, worker in enumerate(self.workers) if which & (1 << n)]
        self.made += 1
        heard = self.engine.beat([Report(worker=worker, beats=self.made) for worker in beating])
        self.paper.met.update(beating)
        orders = {worker: what for worker, what in self.paper.orders.items() if worker in beating}
        to_end = {worker: ids for worker in beating if (ids := self.paper.to_end(worker))}
        assert heard == Heard(set(), orders, to_end)

    @rule(which=ANY)
    def look_at_what_is_held(self, which: int) -> None:
        worker = self.workers[which % 3]
        given = {(claim.id, claim.token): claim for claim, _job in self.claims}
        wanted = [given[id, self.paper.jobs[id].token] for id in self.paper.held(worker)]
        assert self.engine.held(worker) == wanted

    @rule()
    def sweep(self) -> None:
        assert self.engine.sweep().dead == {}
        self.paper.time_passes(self.clock.now)

    @rule(seconds=st.sampled_from([1, 7, 7, 70, -3, -500]))
    def move_the_clock(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(what=st.sampled_from(OPERATIONS), queue=st.sampled_from(QUEUES))
    def operate(self, what: str, queue: str) -> None:
        if what == "pause":
            self.engine.pause(queue)
            self.paper.paused.add(queue)
        elif what == "resume":
            self.engine.resume(queue)
            self.paper.paused.discard(queue)
        elif what == "purge":
            assert self.engine.purge([queue]) == self.paper.purge(queue)
        else:
            assert self.engine.unpark(["t"]) == self.paper.unpark("t")

    # -- what jobs hold

    @rule(name=st.sampled_from(LOCKS), owner=st.sampled_from(OWNERS), worker=ANY, free=st.booleans())
    def lock(self, name: str, owner: str, worker: int, free: bool) -> None:
        if free:
            assert self.engine.release(name, owner) == self.paper.release(name, owner)
        else:
            self.acquire(name, owner, self.workers[worker % 3])

    def acquire(self, name: str, owner: str, worker: str) -> None:
        held = self.paper.holders.get(name)
        number = self.engine.acquire(name, owner, worker=worker)
        assert (number is not None) == self.paper.acquire(name, owner, worker)
        if number is not None:
            before = self.numbers.get(name, 0)
            assert number == before if held else number > before
            self.numbers[name] = number

    @rule(barrier=st.sampled_from(LOCKS), member=st.sampled_from("pqr"))
    def arrive(self, barrier: str, member: str) -> None:
        assert self.engine.arrive(barrier, member, of=3) == self.paper.arrive(barrier, member, 3)

    @rule(late=st.booleans())
    def fire_due(self, late: bool) -> None:
        due = self.clock.now - 1 if late else self.due
        if due is None:
            return
        next_due, message = max(self.clock.now, due) + 1, self.message()
        if self.engine.fire_due("s", due, next_due, [message]):
            assert due == self.due
            assert due not in self.fired
            self.fired.add(due)
            self.due = next_due
            self.paper.push(message, self.clock.now)
        else:
            assert due != self.due
            assert self.engine.result(message.id) is None

    # -- what holds after every step

    @invariant()
    def the_engine_holds_what_the_paper_says(self) -> None:
        jobs = self.everything()
        assert [job.id for job in jobs] == [*self.paper.jobs][::-1]
        for job in jobs:
            paper = self.paper.jobs[job.id]
            assert told(job) == told(paper)
            assert decode(job.body) == paper.message
            if job.state is State.RUNNING:
                assert job.worker == paper.worker
                assert job.worker in self.workers

    @invariant()
    def tokens_never_shrink_and_final_is_final(self) -> None:
        for job in self.everything():
            before = self.last.get(job.id)
            if before is not None:
                assert job.token >= before.token
                assert not before.final or job == before
            self.last[job.id] = job

    @invariant()
    def counts_are_sums(self) -> None:
        jobs = self.paper.jobs.values()
        rows = Counter((job.message.queue, job.state) for job in jobs if job.state not in FINAL)
        counts = self.engine.count()
        told = {(q, s): n for q, states in counts.items() for s, n in states.items() if n}
        assert told == rows + self.paper.ended

    @invariant()
    def only_the_current_attempt_owns(self) -> None:
        for claim, job in self.claims[-5:]:
            assert self.engine.owns(claim) == self.paper.owns(claim, job)

    def nothing_is_out_of_reach(self) -> None:
        """When all queues are open, all workers gone and all moments past, claims end every job."""
        for worker in self.workers:
            self.engine.retire(worker, crashed=False)
        for queue in QUEUES:
            self.engine.resume(queue)
        self.engine.unpark(TASKS)
        self.clock.now += 10_000
        while claims := self.claimed("the last", None, 5):
            assert self.engine.settle([(claim, outcome.succeeded(None)) for claim in claims]) == []
        assert [job for job in self.everything() if not job.final] == []

    def everything(self) -> list[Job]:
        return self.engine.find(Filter(), limit=10_000).jobs

    def known(self, id: str) -> Job:
        job = self.engine.result(id)
        assert job is not None
        return job

    def some_id(self, which: int) -> str:
        ids = [*self.paper.jobs]
        return ids[which % len(ids)]


def test_any_sequence_of_verbs_does_what_the_paper_says(fast_arena: Arena) -> None:
    is_near = isinstance(fast_arena, MemoryArena | SqliteArena)
    how = SETTINGS if is_near else settings(SETTINGS, max_examples=FEWER_ON_A_SERVER)
    run_state_machine_as_test(lambda: EngineMachine(fast_arena), settings=how)
