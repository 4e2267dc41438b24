"""What SQLite finds is what the filter asks of each job, however it is narrowed down and paged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cardoon.engines.memory import MemoryEngine
from cardoon.engines.sqlite import search
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.engines.sqlite.rows import JOB_COLUMNS, encode_error
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.errors import InvalidFilter
from cardoon.model.job import Filter, Job
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport
from cardoon.model.query.match import matches
from cardoon.model.query.parse import parse
from cardoon.model.query.tree import Argument, Either, Every, Names, Node, Not, Number, Text
from cardoon.model.states import FINAL, State

NAMES = ["a", "ab", "A*", "b.ab", 'q"q', "back\\slash", "né", "nul\0b", "", "x: y"]
NUMBERS = [0, 1, 2, 5, 5.0, 0.5, -3, 1e22, 10**15, 2**70, 123456789012345.0]
MOMENT = 1_795_262_400.0
MOMENTS = [MOMENT + step for step in (0, 1, 1.5, 60)]

names = st.sampled_from(NAMES)
values = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    state = draw(st.sampled_from(State))
    started = draw(st.none() | st.sampled_from(MOMENTS))
    message = Message(
        id="x",
        task="t",
        args=draw(st.lists(values, max_size=2)),
        kwargs=draw(st.dictionaries(names, values, max_size=2)),
    )
    return Job(
        id="",
        task=draw(names),
        queue=draw(names),
        priority=draw(st.integers(0, 9)),
        state=state,
        attempt=draw(st.integers(0, 3)),
        retries=draw(st.integers(0, 3)),
        crashes=draw(st.integers(0, 3)),
        created=draw(st.sampled_from(MOMENTS)),
        started=started,
        finished=draw(st.sampled_from(MOMENTS)) if state in FINAL else None,
        worker=draw(st.none() | names),
        parent=draw(st.none() | names),
        error=draw(st.none() | st.builds(ErrorReport, type=names, message=names)),
        note=draw(names),
        body=draw(st.sampled_from([envelope.encode(message)] * 9 + [b"\xff{"])),
    )


parts = st.lists(names, max_size=3).map(tuple)
shapes = st.lists(names, min_size=2, max_size=3).map(tuple)
signs = st.sampled_from([">", ">=", "<", "<=", "="])
paths = st.tuples(st.sampled_from(["args", "kwargs"]), st.sampled_from([*NAMES[:4], "0", "1"])) | st.tuples(
    st.just("args"), st.just("0"), st.sampled_from([*NAMES[:4], "0"])
)


def a_name(field: Any, exact: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    return st.builds(
        Names, st.just(field), st.frozensets(exact, max_size=3), st.lists(shapes, max_size=1).map(tuple)
    )


leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(Names, st.just("state"), st.frozensets(st.sampled_from([s.value for s in State]), max_size=9)),
    *(a_name(field, names) for field in ("queue", "task", "worker", "parent")),
    a_name("id", st.sampled_from([f"id-{number}" for number in range(20)])),
    st.builds(Number, st.just("created"), signs, st.sampled_from(MOMENTS)),
    st.builds(Number, st.just("duration"), signs, st.sampled_from([0.0, 0.5, 1.0, 60.0])),
    st.builds(Number, st.sampled_from(["priority", "attempt", "retries", "crashes"]), signs, st.floats(0, 9)),
    st.builds(Argument, paths, signs, st.sampled_from(NUMBERS)),
    st.builds(Argument, paths, st.just("="), st.none() | st.booleans() | names),
    st.builds(Argument, paths, parts=shapes),
    st.builds(Text, parts, st.sampled_from(["anywhere", "error"])),
)
trees: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Every, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteEngine]:
    made = SqliteEngine(f"sqlite:///{tmp_path_factory.mktemp('search') / 'jobs.db'}", profile="fast")
    yield made
    made.close()


def filled(engine: SqliteEngine, rows: list[Job], gap: int = 1) -> list[Job]:
    """The engine with these jobs and no others, `gap` apart; newest first."""
    marks = ", ".join("?" * (len(JOB_COLUMNS) + 1))
    with engine._files.writing() as db:
        db.execute("DELETE FROM jobs")
        for number, job in enumerate(rows):
            fields = {name: getattr(job, name) for name in JOB_COLUMNS}
            fields |= {"id": f"id-{number}", "state": job.state.value, "error": encode_error(job.error)}
            query = f"INSERT INTO jobs (seq, {', '.join(fields)}) VALUES ({marks})"
            db.execute(query, (1 + number * gap, *fields.values()))
    return engine.find(Filter(), limit=len(rows) + 1).jobs


def walk(engine: SqliteEngine | MemoryEngine, query: Node, limit: int) -> list[str]:
    found, page = [], None
    while True:
        part = engine.find(Filter(query=query), page=page, limit=limit)
        assert len(part.jobs) <= limit
        found += [job.id for job in part.jobs]
        if part.next is None:
            return found
        assert part.next != page
        page = part.next


SOME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@SOME
@given(st.lists(jobs(), max_size=12), trees, st.integers(1, 4), st.integers(1, 2_000))
@example([], Text(("é",)), 1, 1)
def test_sql_and_the_job_itself_agree(
    engine: SqliteEngine, rows: list[Job], query: Node, limit: int, gap: int
) -> None:
    all_jobs = filled(engine, rows, gap)
    now = clock.now()
    assert walk(engine, query, limit) == [job.id for job in all_jobs if matches(query, job, now)]


@SOME
@given(st.lists(jobs(), max_size=12), trees, st.integers(1, 3), st.sampled_from([0.0, 9.0]))
def test_pages_lead_on_however_little_is_looked_at(
    engine: SqliteEngine, rows: list[Job], query: Node, limit: int, seconds: float
) -> None:
    all_jobs = filled(engine, rows)
    now = clock.now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "PAGE_SECONDS", seconds)
        patch.setattr(search, "FEW", 3)
        patch.setattr(search, "_CHUNK", 2)
        assert walk(engine, query, limit) == [job.id for job in all_jobs if matches(query, job, now)]


SIGNS = ["'", '"', "--", ";", ")", "(", "{}", "{0}", "%s", "?", ":a", "\\", "*", "\0"]
NASTY = [*SIGNS, "OR", "state:", "queue:", "args.a:"]


@SOME
@given(st.lists(st.sampled_from(NASTY) | st.text(max_size=4), max_size=12).map("".join))
@example('queue:"\'); DROP TABLE jobs; --"')
def test_what_is_typed_is_a_value_and_never_sql(engine: SqliteEngine, text: str) -> None:
    try:
        query = parse(text)
    except InvalidFilter:
        return
    everything = engine.find(Filter()).jobs
    now = clock.now()
    assert walk(engine, query, 50) == [job.id for job in everything if matches(query, job, now)]


TERMS = st.sampled_from(
    [
        "state:ready",
        "-state:delayed",
        "queue:a*",
        "task:t,u",
        "kwargs.n:5",
        "kwargs.n>=2",
        "args.0:a",
        "q",
        "OR queue:b",
        "NOT 5",
        "priority<4",
        "duration<1m",
        "before:1h",
        "error:x",
    ]
)


@SOME
@given(
    st.lists(
        st.builds(
            dict,
            queue=st.sampled_from(["a", "ab", "b"]),
            task=st.sampled_from(["t", "u"]),
            priority=st.integers(0, 9),
            kwargs=st.dictionaries(st.just("n"), st.integers(0, 6)),
            args=st.lists(st.sampled_from(["a", "Q"]), max_size=1),
            due=st.none() | st.just(2e9),
        ),
        max_size=8,
    ),
    st.lists(TERMS, min_size=1, max_size=4).map(lambda terms: " ".join(terms).removeprefix("OR ")),
)
def test_memory_and_sqlite_find_the_same(
    engine: SqliteEngine, calls: list[dict[str, Any]], text: str
) -> None:
    memory = MemoryEngine()
    filled(engine, [])
    messages = [Message(id=clock.new_id(), sent=clock.now(), **call) for call in calls]
    assert memory.push(messages) == engine.push(messages)
    assert walk(memory, parse(text), 3) == walk(engine, parse(text), 3)


def plan(engine: SqliteEngine, query: str, *values: object) -> str:
    with engine._files.reading() as db:
        return " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", values))


@pytest.mark.parametrize("condition", search._OPEN.values())
def test_the_partial_indexes_know_the_words_of_the_search(engine: SqliteEngine, condition: str) -> None:
    told = plan(engine, f"SELECT seq FROM jobs WHERE {condition} LIMIT 9")
    assert "USING INDEX jobs_" in told.replace("COVERING ", "")


def test_ended_jobs_are_read_in_the_order_of_the_list(engine: SqliteEngine) -> None:
    where = f"{search._OF_ENDED} AND state = 'failed' AND seq < 9"
    told = plan(engine, f"SELECT seq FROM jobs WHERE {where} ORDER BY seq DESC LIMIT 9")
    assert "INDEX jobs_ended (state=? AND seq<?)" in told
    assert "TEMP B-TREE" not in told


@pytest.mark.parametrize("query", [search._LIST, search._RANGE], ids=["list", "range"])
def test_no_page_is_sorted(engine: SqliteEngine, query: str) -> None:
    values = ("[2, 1]", 9) if query is search._LIST else (1, 2, 9)
    condition = "state IN (SELECT value FROM json_each('[]'))"
    assert "TEMP B-TREE" not in plan(engine, query.format("id, body", condition), *values)


def test_of_a_million_parts_no_more_than_a_few_go_into_sql(engine: SqliteEngine, tmp_path: Path) -> None:
    filled(engine, [])
    assert walk(engine, parse("a*" * 900), 3) == []
    assert walk(engine, parse(" OR ".join(["x*y"] * 99)), 3) == []
