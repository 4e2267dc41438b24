from __future__ import annotations

import functools
import importlib
import pickle
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from tests.unit.tasks.conftest import Drain, Package

from cardoon import Cardoon, Task, TaskType, registry, shared_task, task
from cardoon.model.errors import AlreadyRegistered, ConfigurationError, IncompleteTask, UnknownOption
from cardoon.model.message import decode
from cardoon.tasks import door

HERE = __name__


@task
def bare(x: int) -> int:
    """Doubles."""
    return 2 * x


@task()
def called(x: int) -> int:
    return 3 * x


@task(serializer="json", queue="slow", max_retries=9)
def with_options(x: int) -> int:
    return 4 * x


def create_user(name: str, password: str) -> str:
    return f"{name}:{password}"


create_user_task = task()(create_user)
create_user_task.__name__ = "create_user_task"


@pytest.mark.parametrize(("declared", "result"), [(bare, 2), (called, 3), (with_options, 4)])
def test_the_three_forms_register_run_inline_and_send(
    declared: Task, result: int, shop: Cardoon, drain: Drain
) -> None:
    assert declared.name == f"{HERE}.{declared.__name__}"
    assert registry[declared.name] is declared
    assert shop.tasks[declared.name] is declared
    assert declared(1) == result
    handle = declared.delay(1)
    drain(shop)
    assert handle.get(timeout=0) == result


def test_a_task_keeps_the_name_the_words_and_the_module_of_its_function() -> None:
    assert (bare.__name__, bare.__doc__, bare.__module__) == ("bare", "Doubles.", HERE)
    assert bare.__wrapped__(5) == 10  # type: ignore[attr-defined]


def test_the_queue_is_celery_and_the_serializer_json_unless_said_otherwise(memory_app: Cardoon) -> None:
    for plain in (bare, called):
        assert plain.serializer == "json"
        assert plain.message((1,), {}, {}).queue == "celery"
    assert with_options.message((1,), {}, {}).queue == "slow"


def test_options_become_attributes() -> None:
    assert (with_options.serializer, with_options.queue, with_options.max_retries) == ("json", "slow", 9)


def test_three_minutes_and_three_retries_are_the_defaults() -> None:
    assert bare.default_retry_delay == 180
    assert bare.max_retries == 3


def test_shared_task_is_task() -> None:
    assert shared_task is task


def test_a_decorator_used_as_a_function_keeps_the_registered_name() -> None:
    assert create_user_task.name == f"{HERE}.create_user"
    assert create_user_task("a", "b") == "a:b"


def test_a_task_can_be_pickled_and_is_the_same_one_again(memory_app: Cardoon) -> None:
    assert pickle.loads(pickle.dumps(create_user_task)) is create_user_task
    assert pickle.loads(pickle.dumps(bare)) is bare


def test_a_task_of_an_application_can_be_pickled_while_it_is_the_current_one(memory_app: Cardoon) -> None:
    @memory_app.task(name="local")
    def local() -> None: ...

    assert pickle.loads(pickle.dumps(local)) is local


def test_a_task_can_be_pickled_before_there_is_any_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_apps", [])
    assert pickle.loads(pickle.dumps(bare)) is bare


def test_without_any_application_a_call_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_apps", [])
    assert bare(1) == 2
    with pytest.raises(ConfigurationError, match='app = Cardoon\\("name"\\)'):
        bare.delay(1)


def test_a_shared_task_is_sent_by_the_application_made_last() -> None:
    first, second = Cardoon("a", url="memory://"), Cardoon("b", url="memory://")
    bare.delay(1)
    assert first.engine.queues() == []
    assert [queue.name for queue in second.engine.queues()] == ["celery"]


def test_an_application_that_is_not_to_be_current_is_not() -> None:
    first = Cardoon("a", url="memory://")
    Cardoon("b", url="memory://", set_as_current=False)
    assert door.current_app() is first


def test_a_task_of_one_application_is_unknown_to_another() -> None:
    first, second = Cardoon("a", url="memory://"), Cardoon("b", url="memory://")

    @first.task(name="only.here")
    def only_here() -> None: ...

    assert "only.here" in first.tasks
    assert "only.here" not in second.tasks


@pytest.mark.parametrize("function", [lambda: None, partial(create_user, "a")], ids=["lambda", "partial"])
def test_what_no_worker_can_import_is_refused_by_name(function: Any, memory_app: Cardoon) -> None:
    with pytest.raises(IncompleteTask) as caught:
        memory_app.task(function)
    assert "name=" in str(caught.value) or "decorate a function" in str(caught.value)


def test_a_nested_function_is_refused_unless_it_gets_a_name(memory_app: Cardoon) -> None:
    def inner() -> int:
        return 1

    with pytest.raises(IncompleteTask, match=r"<locals>\.inner is a lambda or nested function.*name="):
        memory_app.task(inner)
    assert memory_app.task(name="inner")(inner)() == 1


@pytest.mark.parametrize("given", [(1,), ("queue",), (bare, bare)])
def test_options_that_are_not_named_are_refused(given: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"@task\(queue=\.\.\.\)"):
        task(*given)


def test_an_unknown_option_is_met_with_the_nearest(memory_app: Cardoon) -> None:
    with pytest.raises(UnknownOption, match=r"'x' has no option 'max_retrys'; did you mean 'max_retries'"):
        memory_app.task(name="x", max_retrys=3)(create_user)
    assert "x" not in memory_app.tasks


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_retries": -1}, "max_retries must be a number of retries"),
        ({"priority": 10}, "from 0 .first. to 9"),
        ({"retry_for": "OSError"}, "takes exception classes"),
        ({"queue": "a,b"}, "cannot name a queue"),
        ({"time_limit": 1, "soft_time_limit": 2}, "must not be above"),
        ({"serializer": "pikle"}, "unknown serializer 'pikle'; there is: json"),
        (
            {"pool": "thread"},
            "pool must be one of solo, threads, async, not 'thread'; did you mean 'threads'",
        ),
        ({"retry_for": OSError, "autoretry_for": OSError}, "given twice"),
        ({"default_retry_delay": timedelta(days=-1)}, "not negative"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_where_it_is_written(
    options: dict[str, Any], words: str, memory_app: Cardoon
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        memory_app.task(name="x", **options)(create_user)
    assert "x" not in memory_app.tasks


def test_two_functions_of_one_name_are_refused_with_both_places(memory_app: Cardoon) -> None:
    def first() -> int:
        return 1

    def second() -> int:
        return 2

    declared = memory_app.task(name="dup")(first)
    with pytest.raises(AlreadyRegistered) as caught:
        memory_app.task(name="dup")(second)
    told = str(caught.value)
    assert "'dup'" in told
    assert "first" in told
    assert "second" in told
    assert told.count(f"{__file__}:") == 2
    assert memory_app.tasks["dup"] is declared


def test_a_module_may_be_loaded_again(package: Package, memory_app: Cardoon) -> None:
    package("again", {"jobs.py": "from cardoon import task\n\n@task\ndef f():\n    return 1\n"})
    module = importlib.import_module("again.jobs")
    before = memory_app.tasks["again.jobs.f"]
    importlib.reload(module)
    assert memory_app.tasks["again.jobs.f"] is not before
    assert memory_app.tasks["again.jobs.f"]() == 1


def test_a_bound_task_gets_itself_first(shop: Cardoon, drain: Drain) -> None:
    @shop.task(bind=True, base=shop.Task, name="clearsessions")
    def clearsessions(self: Task, verbosity: int = 1) -> str:
        self.debug_task()
        return f"{self.name} {verbosity}"

    assert clearsessions.run() == "clearsessions 1"
    assert clearsessions(verbosity=2) == "clearsessions 2"
    handle = clearsessions.delay(3)
    drain(shop)
    assert handle.get(timeout=0) == "clearsessions 3"


def test_another_base_gives_its_attributes_and_methods(memory_app: Cardoon) -> None:
    class Polite(Task):
        abstract = True
        queue = "polite"

        def greeting(self) -> str:
            return f"hello from {self.name}"

    @memory_app.task(base=Polite, name="x")
    def x() -> None: ...

    assert x.greeting() == "hello from x"  # type: ignore[attr-defined]
    assert x.message((), {}, {}).queue == "polite"


def test_the_metaclass_is_public_and_registers(memory_app: Cardoon) -> None:
    assert type(Task) is TaskType

    class Legacy(Task):
        name = "legacy"

        def run(self) -> int:
            return 1

    assert isinstance(registry["legacy"], Legacy)


def test_a_script_gives_its_own_name_instead_of_main(
    memory_app: Cardoon, monkeypatch: pytest.MonkeyPatch
) -> None:
    import __main__

    def job() -> None: ...

    job.__module__, job.__qualname__ = "__main__", "job"
    monkeypatch.setattr(__main__, "__file__", "shop/worker_tasks.py", raising=False)
    assert memory_app.task(job).name == "worker_tasks.job"
    monkeypatch.delattr(__main__, "__file__")
    memory_app.tasks.unregister("worker_tasks.job")
    assert memory_app.task(job).name == "tests.job"


def test_one_name_in_an_application_and_outside_of_it_is_noticed_either_way(memory_app: Cardoon) -> None:
    @memory_app.task(name="dup")
    def first() -> None: ...

    with pytest.raises(AlreadyRegistered, match="dup"):

        class Second(Task):
            name = "dup"

            def run(self) -> None: ...


def test_what_is_no_task_cannot_be_registered(memory_app: Cardoon) -> None:
    class Stranger:
        name = "stranger"

    with pytest.raises(IncompleteTask, match="derive it from Task"):
        memory_app.tasks.register(Stranger)


def test_the_registry_prints_what_it_holds(memory_app: Cardoon) -> None:
    @memory_app.task(name="printed")
    def printed() -> None: ...

    assert "'printed': <task printed>" in repr(memory_app.tasks)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"rate_limit": "10/m"}, "rate_limit is not supported yet; it comes with limits"),
        ({"retry_fro": OSError, "priorty": 0}, "did you mean 'priority'"),
        ({"max_retrys": 3}, "did you mean 'max_retries'"),
    ],
)
def test_a_class_with_an_option_that_would_do_nothing_is_refused(
    memory_app: Cardoon, attributes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        TaskType("Odd", (memory_app.Task,), {**attributes, "run": lambda self: None, "__module__": __name__})


def test_attributes_of_a_class_that_are_no_options_are_its_own(memory_app: Cardoon) -> None:
    class Described(memory_app.Task):  # type: ignore[name-defined,misc]
        description = "Fetch BioSample USI status"
        action = "fetch"
        rate_limit = None
        acks_late = True

        def run(self) -> str:
            return self.description

    assert Described().run() == "Fetch BioSample USI status"


def test_an_option_that_comes_later_says_so_on_a_function(memory_app: Cardoon) -> None:
    with pytest.raises(ConfigurationError, match="rate_limit is not supported yet"):
        memory_app.task(rate_limit="10/m")(len)
    memory_app.task(name="harmless", acks_late=True)(len)


# -- pickle


def declare_pickle(form: str) -> Task:
    if form == "class":

        class Pickled(Task):
            name = "pickled"
            serializer = "pickle"

            def run(self, x: int) -> int:
                return x

        return Pickled.instance()
    return task(name="pickled", serializer="pickle")(create_user)


@pytest.mark.parametrize("form", ["class", "function"])
def test_pickle_is_declared_with_a_warning_at_that_line_and_arguments_travel_as_json(
    form: str, shop: Cardoon
) -> None:
    with pytest.warns(DeprecationWarning, match="arguments travel as JSON") as caught:
        declared = declare_pickle(form)
    (warning,) = caught
    assert str(warning.message) == (
        "task 'pickled': serializer='pickle' has no effect, its arguments travel as JSON; leave it out"
    )
    assert warning.filename == __file__
    assert declared.declared.serializer == "json"
    given = ("a", "b") if form == "function" else (1,)
    stored = declared.delay(*given).job
    assert stored is not None
    assert decode(stored.body).args == list(given)


def test_a_task_that_inherits_pickle_warns_no_second_time() -> None:
    body = {"abstract": True, "serializer": "pickle", "__module__": __name__}
    with pytest.warns(DeprecationWarning, match="task 'Old'"):
        old: Any = TaskType("Old", (Task,), body)

    class Below(old):  # type: ignore[misc]
        name = "below"

        def run(self) -> None: ...

    assert Below.instance().declared.serializer == "json"


# -- pools


async def fetch() -> None: ...


@pytest.mark.parametrize("pool", ["solo", "threads", None])
def test_a_pool_may_be_asked_for(pool: str | None, memory_app: Cardoon) -> None:
    assert memory_app.task(name="x", pool=pool)(create_user).declared.pool == pool
    assert memory_app.task(name="y", pool=pool)(fetch).declared.pool == pool


def test_the_event_loop_is_for_async_functions_alone(memory_app: Cardoon) -> None:
    assert memory_app.task(name="y", pool="async")(fetch).declared.pool == "async"
    words = "task 'x': pool='async' is for `async def`, and this is a plain `def`; write async def, or pool="
    with pytest.raises(ConfigurationError, match=words):
        memory_app.task(name="x", pool="async")(create_user)
    with pytest.raises(ConfigurationError, match=words.replace("'x'", "'z'")):

        class Slow(Task):
            name = "z"
            pool = "async"

            def run(self) -> None: ...

    assert {"x", "z"}.isdisjoint(memory_app.tasks)


def test_a_wrapped_async_function_is_one(memory_app: Cardoon) -> None:
    @functools.wraps(fetch)
    def wrapped() -> Any:
        return fetch()

    assert memory_app.task(name="w", pool="async")(wrapped).declared.pool == "async"
