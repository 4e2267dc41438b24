"""What `push` promises."""

from __future__ import annotations

from cardoon.model import clock, outcome
from cardoon.model.job import Filter
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import Broken, holds, same
from cardoon.testing.conformance.law import law


@law("G1")
def a_pushed_job_is_there(bench: Bench) -> None:
    """Once `push` returned, the job is known and ready."""
    same(bench.state(bench.push()), State.READY, "its state")


@law("G2")
def push_says_what_is_new(bench: Bench) -> None:
    """`push` answers for each message, in order, whether it is new."""
    old = bench.message()
    bench.engine.push([old])
    same(bench.engine.push([bench.message(), old, bench.message()]), [True, False, True], "the answer")


@law("G2")
def a_repeated_push_makes_no_second_job(bench: Bench) -> None:
    """Repeating a push whose answer was lost makes no second job."""
    messages = [bench.message() for _ in range(3)]
    same(bench.engine.push(messages), [True] * 3, "the first answer")
    same(bench.engine.push(messages), [False] * 3, "the second answer")
    same(bench.claim_ids(), [m.id for m in messages], "what is claimed")


@law("G2")
def a_known_id_changes_nothing(bench: Bench) -> None:
    """A message with a known id and other content changes nothing of the job."""
    first = bench.message(args=["first"], queue="old")
    bench.engine.push([first, bench.message(id=first.id, args=["second"], queue="new")])
    job = bench.job(first.id)
    same((job.queue, bench.claim_one(first.id).message.args), ("old", ["first"]), "queue and arguments")


@law("G2")
def one_id_twice_in_a_batch_is_one_job(bench: Bench) -> None:
    """Two messages of one id in the same batch make one job, the first."""
    message = bench.message()
    same(bench.engine.push([message, message]), [True, False], "the answer")
    same(len(bench.claim(5)), 1, "the number of jobs claimed")


@law("G2")
def a_known_id_runs_no_second_time(bench: Bench) -> None:
    """Pushing the id of a job that runs or has ended neither starts it again nor changes it."""
    claim = bench.running()
    same(bench.engine.push([claim.message]), [False], "the answer while it runs")
    bench.end(claim, outcome.succeeded(b"1"))
    same(bench.engine.push([claim.message]), [False], "the answer when it has ended")
    same((bench.state(claim.id), bench.claim()), (State.SUCCEEDED, []), "its state, and what is claimed")


@law("G1")
def a_batch_is_stored_all_or_none(bench: Bench) -> None:
    """A batch with a message that cannot be encoded is refused whole."""
    good, bad = bench.message(), bench.message(args=["\ud800"])
    try:
        bench.engine.push([good, bad, bench.message()])
    except (UnicodeError, ValueError):
        same(bench.engine.find(Filter()).jobs, [], "what was stored")
        same(bench.engine.push([good]), [True], "pushing the good one alone")
        return
    raise Broken("a lone surrogate was stored")


@law("G1")
def an_empty_batch_is_nothing(bench: Bench) -> None:
    """Pushing nothing is allowed and does nothing."""
    same(bench.engine.push([]), [], "the answer")


@law("G1")
def a_large_batch_is_stored_whole(bench: Bench) -> None:
    """5,000 messages in one call become 5,000 jobs, each claimed once, in order."""
    ids = bench.push_many(5_000)
    same(bench.count(State.READY), 5_000, "how many are ready")
    claimed = [id for _ in range(10) for id in bench.claim_ids(500)]
    holds(claimed == ids, "all are claimed once, in the order of the push")


@law("G13")
def a_batch_keeps_its_order(bench: Bench) -> None:
    """Ready jobs of one call are claimed in its order, whether they expire, were due, or neither."""
    later, past = clock.now() + 3600, clock.now() - 3600
    kinds: list[dict[str, float]] = [{}, {"expires": later}, {"due": past}, {"expires": later + 1}]
    messages = [bench.message(**kind) for kind in kinds * 10]
    bench.engine.push(messages)
    holds(bench.claim_ids() == [message.id for message in messages], "the order is that of the push")


@law("G1")
def what_is_due_later_is_delayed(bench: Bench) -> None:
    """A message whose `due` lies ahead waits as delayed; one whose `due` has passed is ready."""
    later, past = bench.push(due=clock.now() + 3600), bench.push(due=clock.now() - 3600)
    same((bench.state(later), bench.state(past)), (State.DELAYED, State.READY), "the states")


@law("I12")
def a_job_tells_its_message(bench: Bench) -> None:
    """The record of a job tells task, queue, priority, parent, due, expiry and when it was made."""
    due = clock.now() + 60.5
    job = bench.job(bench.push(task="a.b", queue="mail", priority=3, parent="p-1", due=due, expires=due + 1))
    told = (job.task, job.queue, job.priority, job.parent, job.due, job.expires)
    same(told, ("a.b", "mail", 3, "p-1", due, due + 1), "what it tells")
    holds(abs(job.created - clock.now()) < 60, f"it was made now, not at {job.created}")
    same(
        (job.attempt, job.retries, job.result, job.error, job.finished), (0, 0, None, None, None), "the rest"
    )


@law("I12")
def the_engine_keeps_its_own_copy(bench: Bench) -> None:
    """Changing the lists of a message after the push, or of a claim, changes no job."""
    message = bench.message(args=[[1]])
    bench.engine.push([message])
    message.args.append("late")
    claim = bench.claim_one(message.id)
    same(claim.message.args, [[1]], "the arguments")
    claim.message.args[0].append("by the attempt")
    bench.end(claim, outcome.returned())
    same(bench.claim_one(message.id).message.args, [[1]], "the arguments of the next attempt")
