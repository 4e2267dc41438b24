"""What opening, closing and sharing an engine promise."""

from __future__ import annotations

import os
from typing import Any

from cardoon.engines.contract import Engine
from cardoon.model import clock, outcome
from cardoon.model.job import Schedule
from cardoon.model.message import Message
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench, answer_of
from cardoon.testing.conformance.facts import holds, same
from cardoon.testing.conformance.law import law


@law("G1")
def an_engine_says_what_it_is(bench: Bench) -> None:
    """`profile` tells a name and a sentence; an engine that is not durable does not call itself so."""
    profile = bench.engine.profile()
    holds(profile.name and profile.sentence, "it has a name and a sentence")
    holds(bench.engine.capabilities.durable or profile.name != "durable", "it claims no more than it has")


@law("G16")
def opening_twice_is_opening(bench: Bench) -> None:
    """`open` and `migrate` may be called again; nothing is left to migrate and no job is lost."""
    id = bench.push()
    bench.engine.open()
    bench.engine.migrate()
    bench.engine.open()
    same(bench.state(id), State.READY, "the job")


@law("G16")
def a_closed_engine_opens_again(bench: Bench) -> None:
    """After `close` the next call opens again, and closing twice is allowed."""
    id = bench.push()
    bench.engine.close()
    bench.engine.close()
    bench.claim_one(id)


@law("G1", needs=("durable",))
def jobs_outlive_the_engine(bench: Bench) -> None:
    """After everything was closed a new engine object finds jobs, results, schedules and pauses."""
    done = bench.finished(outcome.succeeded(b"1"))
    ready, delayed = bench.push(), bench.push(due=clock.now() + 60)
    bench.engine.save_schedule(Schedule(name="nightly", next_due=1.5))
    bench.engine.pause("celery")
    bench.engine.close()
    engine = bench.again()
    same(engine.result(done.id), done, "the job that ended")
    same(engine.claim("bea", None, 5), [], "what is claimed while the queue is paused")
    engine.resume("celery")
    same([claim.id for claim in engine.claim("bea", None, 5)], [ready], "what is claimed")
    states = [(engine.result(id) or done).state for id in (ready, delayed)]
    same(states, [State.RUNNING, State.DELAYED], "the states")
    same([s.name for s in engine.schedules()], ["nightly"], "the schedules")


@law("G1", needs=("shared",))
def engine_objects_see_each_other(bench: Bench) -> None:
    """What one engine object writes the next call of another one sees."""
    other = bench.again()
    for _ in range(20):
        message = bench.message()
        bench.engine.push([message])
        (claim,) = other.claim("bea", None, 1)
        bench.engine.settle([(claim, outcome.succeeded(message.id.encode()))])
        job = other.result(message.id)
        same(job and job.result, message.id.encode(), "the result")


@law("G16")
def any_thread_may_call(bench: Bench) -> None:
    """An engine works in threads that come and go."""
    ids = [answer_of(bench.meanwhile(bench.push)) for _ in range(20)]
    same([answer_of(bench.meanwhile(bench.claim))[0].id for _ in ids], ids, "what is claimed")


def push_in_a_fork(engine: Engine, hand: int, messages: list[Message]) -> Any:
    """Use the engine, fork, push one message in the child and one in the parent, each in turn."""
    engine.count()
    child = os.fork()
    if child == 0:
        os._exit(0 if engine.push([messages[0]]) == [True] else 1)
    status = os.waitpid(child, 0)[1]
    return status, engine.push([messages[1]])


@law("G16", needs=("shared",))
def a_forked_process_may_call(bench: Bench) -> None:
    """A process that was forked since the engine was made uses it, and so does its parent after it."""
    messages = [bench.message(), bench.message()]
    same(bench.race(push_in_a_fork, messages, hands=1), [(0, [True])], "the answers")
    same(bench.claim_ids(), [m.id for m in messages], "what is claimed")
