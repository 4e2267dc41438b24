"""The filter that people type: what it says, what it asks of a job, and where it points when it is wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.errors import InvalidFilter
from cardoon.model.job import Filter, Job
from cardoon.model.message import Message
from cardoon.model.outcome import ErrorReport
from cardoon.model.query.match import matches
from cardoon.model.query.parse import DEPTH_LIMIT, LENGTH_LIMIT, TERMS_LIMIT, parse
from cardoon.model.query.tree import EVERYTHING, names_of, states_of, tree_of
from cardoon.model.states import FINAL, State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()

ARGS = [7, "cat.jpg", {"size": [640, 480]}]
KWARGS = {"order_id": 123, "name": "Ada L.", "total": 99.5, "paid": True, "note": None, "tags": ["new", "eu"]}


class Still:
    """A clock that stands."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(lambda: NOW)
    random = staticmethod(lambda: 0.5)


def job(**fields: Any) -> Job:
    plain: dict[str, Any] = {
        "id": "0192f0c1-2a3b-7c4d-8e5f-1234567890ab",
        "task": "shop.tasks.Resize",
        "queue": "images",
        "priority": 5,
        "state": State.FAILED,
        "attempt": 3,
        "retries": 2,
        "created": NOW - 3_600,
        "started": NOW - 60,
        "finished": NOW - 58,
        "worker": "web-1",
        "parent": "p1",
        "error": ErrorReport(type="ConnectionError", message='refused by "db"'),
        "note": "gave up",
        "body": envelope.encode(Message(id="x", task="shop.tasks.Resize", args=ARGS, kwargs=KWARGS)),
    }
    return Job(**(plain | fields))


def asked(text: str, **fields: Any) -> bool:
    with clock.use(Still()):
        return matches(parse(text), job(**fields), NOW)


# -- what it asks


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "*",
        "state:failed",
        "state:failed,quarantined",
        "state:final",
        "-state:waiting",
        "queue:images task:shop.tasks.Resize",
        "queue:im* task:*.Resize task:shop.*.R*size",
        'queue:"images"',
        "queue:x,im*,y",
        "worker:web-1 parent:p1",
        "id:*1234567890ab",
        "priority:5 priority:4,5 attempt>2 attempt:>=3 retries<3 retries<=2 crashes:0",
        "duration>1 duration<=2s duration>=2000ms duration<1m duration<1h duration<1d duration<1w",
        "after:2h before:30m after:1w",
        "after:2026-11-21 before:2026-11-22",
        "after:2026-11-21T11:00Z before:2026-11-21T11:00:01+00:00",
        "args.0:7 args.1:cat.jpg args.1:*.jpg args.2.size.0:640 args.2.size.1>=480",
        "args.order_id:123 kwargs.order_id:123 kwargs.order_id:122,123 kwargs.order_id>122.5",
        'kwargs.name:"Ada L." kwargs.total>99 kwargs.total:99.5 kwargs.total:995e-1',
        "kwargs.paid:true kwargs.note:null kwargs.tags.1:eu",
        "error:connection error:ConnectionError error:*Error*db* error:refused",
        'error:"ConnectionError: refused"',
        "RESIZE",
        "cat.jpg",
        "1234567890ab",
        "refused",
        '"gave up"',
        "order_id",
        "640",
        "99.5",
        "conn*refused",
        'refused "by \\"db\\""',
        "state:failed AND queue:images",
        "state:running OR state:failed",
        "state:running OR queue:images priority:5",
        "queue:none OR NOT queue:none",
        "NOT (queue:none OR queue:other)",
        "NOT -queue:images --queue:images",
        "(((queue:images)))",
        "-queue:none -(queue:a OR queue:b)",
    ],
)
def test_a_job_meets_what_is_true_of_it(text: str) -> None:
    assert asked(text)
    assert not asked(f"NOT ({text})") if text.strip() else True


@pytest.mark.parametrize(
    "text",
    [
        "state:running",
        "queue:image",
        "queue:IMAGES",
        "queue:mages*",
        'queue:"im*"',
        "id:1234567890ab",
        "priority>5",
        "duration>2",
        "after:30m",
        "before:2h",
        "before:2026-11-21T11:00Z",
        "args.0:8",
        "args.3:7",
        "args.1.0:c",
        "args.2.size.2:640",
        'kwargs.order_id:"123"',
        "kwargs.name>5",
        "kwargs.paid:1",
        "kwargs.paid>0",
        "kwargs.note:false",
        "kwargs.0:7",
        "kwargs.nothing:null",
        "error:cat.jpg",
        "refused*conn",
        "shop.tasks.Resize0192f0c1",
        "kwarg",
        "state:failed queue:none",
        "queue:none OR priority:1",
    ],
)
def test_a_job_does_not_meet_what_is_false_of_it(text: str) -> None:
    assert not asked(text)
    assert asked(f"NOT ({text})")


def test_or_binds_weaker_than_the_terms_beside_each_other() -> None:
    assert asked("queue:none queue:images OR state:failed")
    assert not asked("queue:none (queue:images OR state:failed)")


def test_a_job_that_runs_lasts_until_now() -> None:
    assert asked("duration>=60", state=State.RUNNING, finished=None)
    assert not asked("duration>=0", state=State.READY, finished=None)
    assert not asked("duration>=0", started=None)


def test_what_a_job_does_not_have_is_never_met() -> None:
    assert not asked("worker:*", worker=None)
    assert not asked("error:*", error=None)
    assert asked("error:*")


def test_an_unreadable_body_has_no_arguments() -> None:
    assert not asked("args.0:7", body=b"\xff")
    assert asked("-args.0:7 resize", body=b"\xff")


def test_only_the_case_of_a_to_z_is_passed_over() -> None:
    assert asked("ÄRger", note="ÄRGER")
    assert not asked("ärger", note="ÄRGER")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_moments_without_an_offset_are_local(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for text, here in (("2026-11-21T05:30", (5, 30)), ("05:30", (5, 30)), ("2026-11-21", (0, 0))):
            moment = datetime(2026, 11, 21, *here).astimezone().timestamp()
            assert asked(f"after:{text}", created=moment)
            assert not asked(f"after:{text}", created=moment - 0.001)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_time_with_an_offset_is_of_the_day_that_it_is_there() -> None:
    far = timezone(timedelta(hours=14))
    moment = datetime(2026, 11, 22, 1, 0, tzinfo=far).timestamp()
    assert asked("after:01:00+14:00", created=moment)
    assert not asked("after:01:00+14:00", created=moment - 1)


# -- what follows from it


def test_the_states_that_a_filter_leaves_open() -> None:
    def left(text: str) -> set[State]:
        return set(states_of(parse(text)))

    assert left("") == set(State)
    assert left("state:failed queue:a") == {State.FAILED}
    assert left("state:final (state:failed,running OR state:ready) x") == {State.FAILED}
    assert left("state:failed OR queue:a") == set(State)
    assert left("-state:failed") == set(State)
    assert left("state:failed state:ready") == set()


def test_the_names_that_a_filter_leaves_open() -> None:
    assert names_of(parse("queue:a,b (queue:b,c task:x)"), "queue") == {"b"}
    assert names_of(parse("queue:a OR queue:b"), "queue") is None
    assert names_of(parse("queue:a*"), "queue") is None


def test_the_fields_of_a_filter_and_its_query_are_one_tree() -> None:
    assert tree_of(Filter()) == EVERYTHING
    whole = Filter(
        states=frozenset({State.FAILED}),
        queues=frozenset({"images"}),
        tasks=frozenset({"shop.tasks.Resize"}),
        workers=frozenset({"web-1"}),
        ids=frozenset({job().id}),
        parent="p1",
        after=NOW - 3_600,
        before=NOW - 3_599,
        query=parse("cat.jpg"),
    )
    assert matches(tree_of(whole), job(), NOW)
    for change in ("task", "worker", "parent", "queue", "id"):
        assert not matches(tree_of(whole), job(**{change: "other"}), NOW)
    assert not matches(tree_of(whole), job(created=NOW - 3_599), NOW)
    assert not matches(tree_of(whole), job(body=b""), NOW)


# -- what is refused


@pytest.mark.parametrize(
    ("text", "at", "why"),
    [
        ("sate:failed", 0, "there is no field 'sate'; did you mean 'state'?"),
        ("queue:a  zzz:1", 9, "there is no field 'zzz' (there are state, queue, "),
        ("http://x", 0, "text is put in quotes"),
        ("state:failed state:faild", 19, "there is no state 'faild'; did you mean 'failed'?"),
        ("state:failed,zzz", 13, "there is no state 'zzz' (there are delayed, ready, "),
        ("state:FAILED", 6, "did you mean 'failed'?"),
        ("state>failed", 5, "state is not a number"),
        ("state=failed", 5, "write state: and then the value"),
        ("queue:", 6, "queue needs a value here"),
        ("queue:a,", 8, "queue needs a value here"),
        ("queue:a, b", 8, "queue needs a value here"),
        ("priority:high", 9, "priority is a number, 'high' is none"),
        ("duration:5", 8, "duration is compared with >, >=, < or <="),
        ("duration>5x", 9, "'5x' is no duration"),
        ("after:tomorrow", 6, "'tomorrow' is no moment"),
        ("after:2026-13-01", 6, "is no moment"),
        ("after:0001-01-01", 6, "is no moment"),
        ("after:", 6, "after needs a value here"),
        ("args:5", 4, "args needs a path"),
        ("kwargs.:5", 7, "kwargs needs a path"),
        ("args..x:5", 7, "args needs a path"),
        ("kwargs.n>many", 9, "> compares numbers"),
        ("kwargs.n>1e400", 9, "> compares numbers"),
        ("a (b", 2, "no ) goes with this ("),
        ("a) b", 1, "no ( goes with this )"),
        ("()", 1, "something to look for is missing"),
        ("a OR", 4, "something to look for is missing"),
        ("OR a", 0, "something to look for is missing"),
        ("a AND AND b", 6, "something to look for is missing"),
        ("NOT", 3, "something to look for is missing"),
        ('queue:"a', 6, 'the " that ends this is missing'),
        ("a\udcff", 1, "this is no text"),
        ("x" * (LENGTH_LIMIT + 1), LENGTH_LIMIT, "at most 2,000 characters"),
        ("x " * (TERMS_LIMIT + 1), 2 * TERMS_LIMIT, f"at most {TERMS_LIMIT} terms"),
        ("(" * (DEPTH_LIMIT + 2), DEPTH_LIMIT + 1, f"at most {DEPTH_LIMIT} deep"),
        ("-" * (DEPTH_LIMIT + 2) + "x", DEPTH_LIMIT + 1, f"at most {DEPTH_LIMIT} deep"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, at: int, why: str) -> None:
    with pytest.raises(InvalidFilter) as raised:
        parse(text)
    said, excerpt, caret = str(raised.value).splitlines()
    assert why in said
    assert raised.value.position == at
    assert caret.strip() == "^"
    wrong = text[at : at + 1]
    assert excerpt[caret.index("^") :][:1] == (wrong if wrong.isprintable() else " ")


def test_a_long_filter_is_shown_around_the_mistake() -> None:
    with pytest.raises(InvalidFilter) as raised:
        parse("queue:a " * 60 + "sate:failed " + "queue:b " * 30)
    _, excerpt, caret = str(raised.value).splitlines()
    assert len(excerpt) <= 80
    assert excerpt[caret.index("^") :].startswith("sate:failed")


def test_what_a_terminal_could_obey_is_not_repeated() -> None:
    with pytest.raises(InvalidFilter) as raised:
        parse("\x1b[2J sate:failed")
    assert "\x1b" not in str(raised.value)


WORDS = [
    "state:failed",
    "queue:a*",
    "OR",
    "AND",
    "NOT",
    "-",
    "(",
    ")",
    '"',
    '"a b"',
    "args.x:1",
    "duration>",
    ",",
]


@given(st.text() | st.lists(st.sampled_from(WORDS) | st.text(max_size=3)).map(" ".join))
def test_any_text_is_a_filter_or_is_refused_at_a_place_in_it(text: str) -> None:
    try:
        node = parse(text)
    except InvalidFilter as error:
        position = error.position
    else:
        position = 0
        assert matches(node, job(), NOW) in (True, False)
        assert states_of(node) <= set(State)
    assert 0 <= position <= len(text)


@given(
    st.sampled_from(["queue", "task", "worker", "id", "parent", "kwargs.name", "error"]), st.text(min_size=1)
)
def test_a_quoted_value_is_taken_as_it_is(field: str, value: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in value):
        return
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    body = envelope.encode(Message(id="x", task="t", kwargs={"name": value}))
    error = ErrorReport(type="E", message=value)
    fields = {field: value} if field in ("queue", "task", "worker", "id", "parent") else {}
    assert matches(parse(f"{field}:{quoted}"), job(body=body, error=error, **fields), NOW)


def test_final_and_waiting_are_what_the_states_say() -> None:
    assert states_of(parse("state:final")) == FINAL
    assert states_of(parse("state:waiting,running")) == set(State) - FINAL
