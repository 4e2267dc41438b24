from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.unit.tasks.conftest import Ahead, Drain

from cardoon import Cardoon, Queue, Task
from cardoon.model import message as envelope
from cardoon.model.errors import (
    ArgumentsRefused,
    CallRefused,
    InvalidOption,
    NotRegistered,
    NotSerializable,
    PayloadTooLarge,
    QueueNotFound,
    ResultTimeout,
)
from cardoon.model.message import Message


@pytest.fixture
def add(shop: Cardoon) -> Task[..., int]:
    @shop.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    return add


@pytest.fixture
def take(memory_app: Cardoon) -> Task[[Any], Any]:
    @memory_app.task(name="take")
    def take(thing: Any) -> Any:
        return thing

    return take


class Row:
    """As SQLAlchemy marks a mapped class."""

    __mapper__ = object()


class DjangoModel:
    _meta = object()


class HttpRequest: ...


def sent(app: Cardoon, id: str) -> Message:
    """The message as the engine keeps it."""
    job = app.engine.result(id)
    assert job is not None
    return envelope.decode(job.body)


# -- the arguments


def test_delay_and_apply_async_are_one(shop: Cardoon, add: Task[..., int], drain: Drain) -> None:
    handles = [
        add.delay(1, y=2),
        add.apply_async((1, 2)),
        add.apply_async([1], {"y": 2}),
        add.apply_async(kwargs={"x": 1, "y": 2}),
        add.apply_async(args=iter([1, 2])),
        shop.send_task("add", (1, 2)),
    ]
    drain(shop)
    assert [handle.get(timeout=0) for handle in handles] == [3] * 6


@pytest.mark.parametrize(
    ("args", "kwargs"), [((1,), {}), ((), {}), ((1, 2, 3), {}), ((1, 2), {"z": 3}), ((1, 2), {"y": 2})]
)
def test_a_call_that_does_not_fit_is_a_type_error_and_stores_nothing(
    args: Any, kwargs: Any, shop: Cardoon, add: Task[..., Any]
) -> None:
    for call in (
        add.delay,
        lambda *a, **k: add.apply_async(a, k),
        lambda *a, **k: shop.send_task("add", a, k),
    ):
        with pytest.raises(TypeError, match=r"add\(x: ?.*int.*argument"):
            call(*args, **kwargs)
    assert shop.engine.count() == {}


def test_a_value_of_another_type_is_refused_with_the_name_of_its_parameter(
    shop: Cardoon, add: Task[..., Any]
) -> None:
    with pytest.raises(ArgumentsRefused, match="argument 'y' of add must be int, not str"):
        add.delay(1, "2")
    assert shop.engine.count() == {}


def test_typing_false_checks_no_call(memory_app: Cardoon) -> None:
    @memory_app.task(name="loose", typing=False)
    def loose(x: Any) -> Any:
        return x

    assert loose.delay(1, 2, 3).state == "PENDING"


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (object(), "argument 'thing' of take: a object cannot travel"),
        (threading.Lock(), "argument 'thing' of take: a _thread.lock cannot travel"),
        ([1, {"deep": [lambda: 1]}], "argument 'thing' of take: a function cannot travel"),
        (Row(), r"a database row \(.*Row\): pass its primary key"),
        (DjangoModel(), r"a database row \(.*DjangoModel\): pass its primary key"),
        (HttpRequest(), r"a request \(.*HttpRequest\): pass the values"),
        ("\ud800", "lone surrogate"),
    ],
    ids=["object", "lock", "function deep inside", "row", "django row", "request", "surrogate"],
)
def test_what_cannot_travel_is_refused_with_its_argument_and_type(
    thing: Any, words: str, memory_app: Cardoon, take: Task[[Any], Any]
) -> None:
    with pytest.raises(NotSerializable, match=words):
        take.delay(thing)
    with pytest.raises(NotSerializable, match=words):
        take.apply_async(kwargs={"thing": thing})
    assert memory_app.engine.count() == {}


def test_an_open_file_is_refused_with_the_advice_to_pass_its_path(take: Task[[Any], Any]) -> None:
    with open(__file__) as file, pytest.raises(NotSerializable, match=r"open file.*pass its path"):  # noqa: PTH123
        take.delay(file)


def test_a_payload_above_the_limit_is_refused_with_its_largest_argument(memory_app: Cardoon) -> None:
    @memory_app.task(name="store")
    def store(name: str, content: str) -> None: ...

    with pytest.raises(
        PayloadTooLarge, match=r"a call of store is 300,\d+ bytes.*262,144.*argument 'content' alone"
    ):
        store.delay("x", content="a" * 300_000)
    assert memory_app.engine.count() == {}
    store.delay("x", content="a" * 250_000)


def test_many_with_one_that_cannot_travel_send_nothing(memory_app: Cardoon, take: Task[[Any], Any]) -> None:
    with pytest.raises(NotSerializable):
        take.map([1, 2, object()])
    assert memory_app.engine.count() == {}


# -- the options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"countdwn": 3}, r"a call of add has no option 'countdwn'; did you mean 'countdown'\?"),
        (
            {"eta": datetime(2030, 1, 1, 12)},
            r"eta must be an aware datetime.*for UTC: 2030-01-01T12:00:00\+00:00",
        ),
        ({"expires": datetime(2030, 1, 1)}, "expires must be an aware datetime"),
        ({"eta": 10}, "for seconds use countdown="),
        ({"eta": datetime.now(UTC), "countdown": 3}, "eta or countdown, not both"),
        ({"countdown": -1}, "not negative"),
        ({"priority": 11}, r"from 0 \(first\) to 9"),
        ({"priority": "high"}, r"from 0 \(first\) to 9"),
        ({"task_id": ""}, "task_id must be 1 to 200 printable"),
        ({"task_id": "x" * 201}, "task_id must be 1 to 200 printable"),
        ({"link": "add"}, "link takes signatures"),
        ({"time_limit": 1, "soft_time_limit": 2}, "must not be above time_limit"),
        ({"serializer": "pickle"}, "unknown serializer 'pickle'"),
        ({"headers": {"x": object()}}, "headers: a object cannot travel"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_option_that_makes_no_sense_is_refused_and_stores_nothing(
    options: dict[str, Any], words: str, shop: Cardoon, add: Task[..., Any]
) -> None:
    with pytest.raises(CallRefused, match=words):
        add.apply_async((1, 2), **options)
    assert shop.engine.count() == {}


def test_an_unknown_option_is_refused_before_the_call(add: Task[..., Any]) -> None:
    with pytest.raises(InvalidOption, match="did you mean 'queue'"):
        add.options(queu="x")


def test_a_queue_that_is_not_declared_is_refused_with_the_nearest(drain: Drain) -> None:
    app = Cardoon("q", url="memory://", task_queues=[Queue("celery"), Queue("images")])

    @app.task(name="resize", queue="images")
    def resize() -> int:
        return 1

    with pytest.raises(QueueNotFound, match="'imagse' of resize is not declared; did you mean 'images'"):
        resize.options(queue="imagse").delay()
    assert app.engine.count() == {}
    handle = resize.delay()
    drain(app)
    assert handle.get(timeout=0) == 1


def test_without_declared_queues_any_may_be_used(shop: Cardoon, add: Task[..., Any]) -> None:
    add.apply_async((1, 2), queue="new")
    add.apply_async((1, 2), routing_key="old")
    assert [queue.name for queue in shop.engine.queues()] == ["new", "old"]


@pytest.mark.parametrize("how", ["countdown", "timedelta", "eta", "eta elsewhere"])
def test_a_delayed_job_starts_at_its_time_and_not_before(
    how: str, shop: Cardoon, add: Task[..., Any], drain: Drain, ahead: Ahead
) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=300)
    choice: dict[str, dict[str, Any]] = {
        "countdown": {"countdown": 300},
        "timedelta": {"countdown": timedelta(seconds=300)},
        "eta": {"eta": moment},
        "eta elsewhere": {"eta": moment.astimezone(timezone(timedelta(hours=-7)))},
    }
    handle = add.apply_async((10, 10), **choice[how])
    ahead.move(200)
    assert drain(shop) == []
    assert (handle.state, handle.ready()) == ("PENDING", False)
    ahead.move(100)
    drain(shop)
    assert handle.get(timeout=0) == 20


def test_a_countdown_of_zero_is_now(shop: Cardoon, add: Task[..., Any], drain: Drain) -> None:
    handle = add.apply_async((1, 1), countdown=0)
    drain(shop)
    assert handle.get(timeout=0) == 2


@pytest.mark.parametrize("late", [False, True])
def test_a_job_that_expired_never_starts(
    late: bool, shop: Cardoon, add: Task[..., Any], drain: Drain, ahead: Ahead
) -> None:
    handle = add.apply_async((1, 1), expires=100)
    ahead.move(101 if late else 40)
    drain(shop)
    assert handle.state == ("REVOKED" if late else "SUCCESS")


def test_the_first_priority_is_0(shop: Cardoon, drain: Drain) -> None:
    order: list[int] = []

    @shop.task(name="note")
    def note(number: int) -> None:
        order.append(number)

    for priority in (9, 0, 5, 3):
        note.apply_async((priority,), priority=priority)
    drain(shop)
    assert order == [0, 3, 5, 9]


def test_every_option_reaches_the_message(shop: Cardoon, add: Task[..., Any]) -> None:
    handle = add.apply_async(
        (1, 2),
        task_id="my-own",
        queue="q",
        priority=1,
        time_limit=30,
        soft_time_limit=timedelta(seconds=20),
        ignore_result=True,
        headers={"tenant": "x", "tags": {1, 2}},
        root_id="root",
        parent_id="parent",
    )
    message = sent(shop, "my-own")
    assert handle.id == message.id == "my-own"
    assert (message.queue, message.priority, message.time_limit, message.soft_time_limit) == (
        "q",
        1,
        30.0,
        20.0,
    )
    assert (message.ignore_result, message.root, message.parent) == (True, "root", "parent")
    assert message.headers["tenant"] == "x"


def test_sending_one_id_twice_makes_one_job(shop: Cardoon, add: Task[..., Any], drain: Drain) -> None:
    first, second = (add.apply_async((n, n), task_id="same") for n in (1, 2))
    assert len(drain(shop)) == 1
    assert first.get(timeout=0) == second.get(timeout=0) == 2


def test_options_make_the_same_task_and_leave_the_first_alone(
    shop: Cardoon, add: Task[..., Any], drain: Drain
) -> None:
    later = add.options(countdown=60).options(priority=1)
    assert later.name == add.name
    assert type(later) is type(add)
    assert later(1, 2) == 3
    handles = later.delay(1, 2), add.delay(1, 2)
    assert len(drain(shop)) == 1
    assert [handle.state for handle in handles] == ["PENDING", "SUCCESS"]
    assert sent(shop, handles[0].id).priority == 1


def test_what_is_given_with_the_call_comes_before_what_options_said(
    add: Task[..., Any], shop: Cardoon
) -> None:
    handle = add.options(priority=1, queue="a").apply_async((1, 2), queue="b")
    assert (sent(shop, handle.id).priority, sent(shop, handle.id).queue) == (1, "b")


# -- many, and from async code


def test_map_makes_a_job_for_each_item_in_order(shop: Cardoon, drain: Drain) -> None:
    @shop.task(name="square")
    def square(x: int) -> int:
        return x * x

    handles = square.map(range(300))
    drain(shop)
    assert [handle.get(timeout=0) for handle in handles] == [x * x for x in range(300)]
    assert square.map([]) == []


def test_starmap_makes_a_job_for_each_tuple(shop: Cardoon, add: Task[..., Any], drain: Drain) -> None:
    handles = add.options(queue="q").starmap([(1, 2), [3, 4]])
    drain(shop)
    assert [handle.get(timeout=0) for handle in handles] == [3, 7]
    assert sent(shop, handles[1].id).queue == "q"


def test_adelay_sends_from_async_code(shop: Cardoon, add: Task[..., Any], drain: Drain) -> None:
    async def main() -> list[str]:
        handles = await asyncio.gather(*(add.adelay(n, n) for n in range(20)))
        return [handle.id for handle in handles]

    ids = asyncio.run(main())
    drain(shop)
    assert [shop.AsyncResult(id).get(timeout=0) for id in ids] == [2 * n for n in range(20)]


def test_adelay_refuses_what_delay_refuses(add: Task[..., Any]) -> None:
    with pytest.raises(ArgumentsRefused):
        asyncio.run(add.adelay(1))


# -- by name, and through layers


def test_a_task_that_is_not_here_can_be_sent_by_its_name(shop: Cardoon) -> None:
    handle = shop.send_task("elsewhere.task", (1,), {"x": 2}, queue="far", countdown=5)
    message = sent(shop, handle.id)
    assert (message.task, message.args, message.kwargs, message.queue) == (
        "elsewhere.task",
        [1],
        {"x": 2},
        "far",
    )
    assert handle.state == "PENDING"


def test_send_layers_see_and_may_change_every_message(
    shop: Cardoon, add: Task[..., Any], drain: Drain
) -> None:
    seen: list[str] = []

    def note(message: Message, call_next: Any) -> Any:
        seen.append(message.task)
        return call_next(message)

    shop.sending.append(note)
    handles = [add.delay(1, 2), *add.starmap([(3, 4)])]
    drain(shop)
    assert seen == ["add", "add"]
    assert [handle.get(timeout=0) for handle in handles] == [3, 7]


def test_each_job_sent_is_told_to_listeners(shop: Cardoon, add: Task[..., Any]) -> None:
    heard: list[tuple[str, str]] = []
    shop.events.listen(lambda event: heard.append((event.id, event.task)), ["job.sent"])
    handles = [add.delay(1, 2), *add.starmap([(3, 4)])]
    assert heard == [(handle.id, "add") for handle in handles]


def test_a_listener_that_fails_changes_nothing(
    shop: Cardoon, add: Task[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: object) -> None:
        raise RuntimeError("deaf")

    shop.events.listen(fail)
    assert add.delay(1, 2).state == "PENDING"
    assert "a listener failed on job.sent" in caplog.text


def test_unknown_kinds_of_events_are_refused(shop: Cardoon) -> None:
    with pytest.raises(Exception, match=r"did you mean 'job\.failed'"):
        shop.events.listen(print, ["job.faild"])


def test_looking_up_a_name_that_is_nowhere_tells_so(shop: Cardoon) -> None:
    with pytest.raises(NotRegistered, match="is not registered"):
        shop.tasks["nowhere"]


def test_a_job_nobody_runs_is_not_waited_for_longer_than_asked(add: Task[..., Any]) -> None:
    with pytest.raises(ResultTimeout, match=r"add\[.*\] did not finish within 0 s; it goes on"):
        add.delay(1, 2).get(timeout=0)


@pytest.mark.parametrize("args", ["ab", b"ab", {"x": 1}, {1, 2}, 5])
def test_what_only_looks_like_arguments_is_refused(shop: Cardoon, args: Any) -> None:
    @shop.task(name="pair")
    def pair(x: object, y: object = None) -> None: ...

    with pytest.raises(InvalidOption, match="for one argument write"):
        pair.apply_async(args)


def test_the_default_priority_is_that_of_the_settings() -> None:
    app = Cardoon("p", url="memory://", task_default_priority=2, set_as_current=False)

    @app.task(name="plain")
    def plain() -> None: ...

    @app.task(name="urgent", priority=0)
    def urgent() -> None: ...

    jobs = [plain.delay().job, urgent.delay().job, app.send_task("elsewhere").job]
    assert [job.priority for job in jobs if job] == [2, 0, 2]


def test_the_first_line_of_a_celery_program_is_understood() -> None:
    app = Cardoon("proj", broker="memory://", backend="memory://", set_as_current=False)
    assert app.settings.url == "memory://"
