"""What `find` promises."""

from __future__ import annotations

from typing import Any

from cardoon.model import clock, outcome
from cardoon.model.job import Filter
from cardoon.model.outcome import ErrorReport
from cardoon.model.query.match import matches
from cardoon.model.query.parse import parse
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, same
from cardoon.testing.conformance.law import law

_QUERIES = (
    "state:final",
    "queue:a* state:failed,succeeded",
    "task:*.Mail",
    "args.0:cat OR kwargs.n>=6",
    "kwargs.n:5 -state:skipped",
    "kwargs.to.name:I*s",
    "args.0.0:x",
    "args.1:true",
    "error:oserror",
    '"\\"disk\\""',
    "MAIL OR another",
    "-ines NOT cat",
    "priority<5",
    "worker:ada state:running",
    "duration>=0",
    "-(duration>=0)",
    "-kwargs.n:5 -args.1:5",
)
"""Each tells some of the jobs of a law from the others; no word in them can be a part of an id."""


def _found(bench: Bench, **how: Any) -> list[str]:
    fields: dict[str, Any] = {n: frozenset(v) if isinstance(v, list) else v for n, v in how.items()}
    return [job.id for job in bench.engine.find(Filter(**fields), limit=1_000).jobs]


def _walk(bench: Bench, limit: int, filter: Filter | None = None) -> list[list[str]]:
    """All pages, one after the other."""
    pages, mark = [], None
    while True:
        page = bench.engine.find(filter or Filter(), page=mark, limit=limit)
        pages.append([job.id for job in page.jobs])
        mark = page.next
        if mark is None:
            return pages


@law("I11")
def the_newest_comes_first(bench: Bench) -> None:
    """Jobs are found newest first, in whatever state they are."""
    ids = [bench.finished(outcome.succeeded(None)).id, bench.running().id, *bench.push_many(3)]
    same(_found(bench), ids[::-1], "the order")


@law("I11")
def a_state_finds_its_jobs(bench: Bench) -> None:
    """Each job is found by the state it is in, and by no other."""
    done = bench.finished(outcome.succeeded(None)).id
    failed = bench.finished(outcome.failed(None)).id
    running = bench.running().id
    ready, delayed = bench.push(), bench.push(due=clock.now() + 60)
    by_state = {
        State.SUCCEEDED: done,
        State.FAILED: failed,
        State.RUNNING: running,
        State.READY: ready,
        State.DELAYED: delayed,
    }
    for state in State:
        wanted = [by_state[state]] if state in by_state else []
        same(_found(bench, states=[state]), wanted, f"found by {state}")
    same(_found(bench, states=[State.FAILED, State.READY]), [ready, failed], "found by two states")
    same(_found(bench, states=[State.FAILED, State.CANCELLED]), [failed], "found by two final states")


@law("I11")
def names_find_their_jobs(bench: Bench) -> None:
    """Jobs are found by queue, by task, by parent and by id; an id that is not known finds nothing."""
    a, b = bench.push(queue="a", task="t.a"), bench.push(queue="b", task="t.b", parent="p")
    same((_found(bench, queues=["a"]), _found(bench, queues=["a", "b"])), ([a], [b, a]), "by queue")
    same((_found(bench, tasks=["t.b"]), _found(bench, tasks=["t"])), ([b], []), "by task")
    same((_found(bench, parent="p"), _found(bench, parent="q")), ([b], []), "by parent")
    same((_found(bench, ids=[a, "unknown"]), _found(bench, ids=["unknown"])), ([a], []), "by id")


@law("I5")
def a_worker_finds_what_it_runs(bench: Bench) -> None:
    """A worker's name finds the jobs it runs."""
    mine, _other = bench.running(worker="ada"), bench.running(worker="bea")
    same(_found(bench, workers=["ada"], states=[State.RUNNING]), [mine.id], "found by worker")
    bench.engine.retire("ada")
    same(_found(bench, workers=["ada"], states=[State.RUNNING]), [], "found after it was retired")


@law("I11", needs=("clock",))
def the_time_of_making_finds_jobs(bench: Bench) -> None:
    """`after` and `before` bound the moment of making, the first included, the second not."""
    ids, moments = [], []
    for _ in range(3):
        ids.append(bench.push())
        moments.append(bench.job(ids[-1]).created)
        bench.clock.jump(10)
    same(_found(bench, after=moments[1]), [ids[2], ids[1]], "from a moment on")
    same(_found(bench, before=moments[1]), [ids[0]], "before a moment")
    same(_found(bench, after=moments[1], before=moments[2]), [ids[1]], "between two moments")


@law("I11")
def every_word_of_a_filter_counts(bench: Bench) -> None:
    """A job is found when every field of the filter matches."""
    wanted = bench.push(queue="a", task="t")
    bench.push(queue="a", task="u")
    bench.push(queue="b", task="t")
    same(_found(bench, queues=["a"], tasks=["t"], states=[State.READY]), [wanted], "what is found")
    same(_found(bench, queues=["a"], tasks=["t"], states=[State.RUNNING]), [], "what is not")


@law("I11")
def a_page_has_its_limit(bench: Bench) -> None:
    """Pages hold at most `limit` jobs; together they hold each job once, in order; the last one says so."""
    ids = bench.push_many(7)
    pages = _walk(bench, 3)
    same([id for page in pages for id in page], ids[::-1], "all pages together")
    same([len(page) for page in pages[:2]], [3, 3], "the size of the first pages")
    same(_walk(bench, 7)[0], ids[::-1], "one page of all")


@law("I11")
def a_page_of_nothing(bench: Bench) -> None:
    """An engine without jobs has one empty page."""
    same(_walk(bench, 5), [[]], "the pages")


@law("I11")
def pages_stand_still_while_jobs_are_made(bench: Bench) -> None:
    """Jobs pushed, ended and cancelled between two pages make no other job appear twice or not at all."""
    ids = bench.push_many(30)
    seen, mark = [], None
    while True:
        page = bench.engine.find(Filter(), page=mark, limit=4)
        seen += [job.id for job in page.jobs]
        mark = page.next
        if mark is None:
            break
        bench.push_many(3)
        bench.engine.settle([(claim, outcome.succeeded(None)) for claim in bench.claim(2)])
        bench.engine.cancel(ids[-1:])
    same(seen, ids[::-1], "all pages together")


@law("I11")
def pages_keep_to_their_filter(bench: Bench) -> None:
    """A filter holds on every page."""
    mine = [bench.push(queue="mine") for _ in range(6) if bench.push(queue="other")]
    pages = _walk(bench, 2, Filter(queues=frozenset({"mine"})))
    same([id for page in pages for id in page], mine[::-1], "all pages together")


@law("I11")
def a_large_list_is_walked(bench: Bench) -> None:
    """Three thousand jobs are walked through in pages, each seen once."""
    ids = bench.push_many(3_000)
    seen = [id for page in _walk(bench, 500) for id in page]
    holds(seen == ids[::-1], "each is seen once, newest first")


@law("I11")
def a_query_is_asked_of_every_job(bench: Bench) -> None:
    """A query finds exactly the jobs that meet it, whether the engine can say it in its own words or not."""
    bench.finished(outcome.succeeded(None), queue="a", task="t.Mail", args=["cat", 5])
    error = ErrorReport(type="OSError", message='no "disk" left')
    bench.finished(outcome.failed(error), queue="ab", kwargs={"n": 5, "to": {"name": "Ines"}})
    bench.finished(outcome.skipped("held by another"), queue="b", priority=2, args=[["x"]])
    bench.push(queue="b", kwargs={"n": 6.5}, due=clock.now() + 60)
    bench.running(queue="c", args=[None, True])
    everything = bench.engine.find(Filter()).jobs
    for text in _QUERIES:
        query, now = parse(text), clock.now()
        wanted = [job.id for job in everything if matches(query, job, now)]
        holds(0 < len(wanted) < len(everything), f"{text} tells the jobs apart")
        same(_found(bench, query=query), wanted, f"found by {text}")
        pages = _walk(bench, 1, Filter(query=query))
        same([id for page in pages for id in page], wanted, f"found one by one by {text}")


@law("I11")
def a_text_is_looked_for_in_what_was_said(bench: Bench) -> None:
    """A text is found in arguments and their names, not in the words that they are written down with."""
    bench.push(id="1", task="t", args=[1], kwargs={"n": 2})
    named = bench.push(id="2", task="t", kwargs={"kwargs": 1})
    told = bench.push(id="3", task="t", args=["the args of men"])
    same(_found(bench, query=parse("args")), [told, named], "what is found")
    same(_found(bench, query=parse("sent")), [], "what is found of another word")


@law("I11")
def a_query_and_the_fields_of_a_filter_count_together(bench: Bench) -> None:
    """Where a filter has fields and a query, a job is found when it meets both."""
    wanted = bench.push(queue="a", args=["cat"])
    bench.push(queue="a", args=["dog"])
    bench.push(queue="b", args=["cat"])
    same(_found(bench, queues=["a"], query=parse("cat")), [wanted], "what is found")


@law("I6")
def counts_and_lists_agree(bench: Bench) -> None:
    """The counts of all states are the lengths of their lists."""
    bench.push_many(4)
    bench.push(due=clock.now() + 60)
    ends = (outcome.succeeded(None), outcome.failed(None), outcome.retrying(clock.now() + 60, None))
    bench.engine.settle(list(zip(bench.claim(3), ends, strict=True)))
    for state in State:
        same(bench.count(state), len(_found(bench, states=[state])), f"the count of {state}")


@law("I11")
def a_brief_list_is_the_same_list(bench: Bench) -> None:
    """Told in brief, a list has the same jobs and pages, each with id, task, queue, priority and state."""
    bench.finished(outcome.failed(None), queue="a", priority=2)
    bench.running(queue="b")
    bench.push_many(3, task="t", args=["cat"])
    for text in ("", "state:failed", "queue:a,b", "cat", "args.0:cat"):
        wanted, page = Filter(query=parse(text)), None
        while True:
            full = bench.engine.find(wanted, page=page, limit=2)
            brief = bench.engine.find(wanted, page=page, limit=2, brief=True)
            for jobs in zip(full.jobs, brief.jobs, strict=True):
                told = [(job.id, job.task, job.queue, job.priority, job.state) for job in jobs]
                same(told[1], told[0], "what is told in brief")
            same(brief.next, full.next, "the page after it")
            page = full.next
            if page is None:
                break


@law("I6")
def a_found_job_is_the_job(bench: Bench) -> None:
    """What `find` tells of a job is what `result` tells, or less in the large fields."""
    claim = bench.running(parent="p", priority=2)
    bench.end(claim, outcome.succeeded(b"42"))
    found, known = bench.engine.find(Filter()).jobs[0], bench.job(claim.id)
    for name in (
        "id",
        "task",
        "queue",
        "priority",
        "state",
        "attempt",
        "created",
        "started",
        "finished",
        "parent",
    ):
        same(getattr(found, name), getattr(known, name), name)
