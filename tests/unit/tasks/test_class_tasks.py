from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest
from tests.unit.tasks.conftest import Drain

from cardoon import Cardoon, Task, registry
from cardoon.model.errors import AlreadyRegistered, ConfigurationError, NotRegistered

HERE = __name__


class UpdateSearchIndexTask(Task):
    ran: ClassVar[list[dict[str, Any]]] = []

    def run(self, **kwargs: Any) -> str:
        self.ran.append(kwargs)
        return "updated"


class Report(Task[[str, int], str]):
    name = "Fetch USI report"
    description = "asks every animal"
    queue = "slow"

    def run(self, what: str, pages: int = 1) -> str:
        return f"{what} on {pages} by {type(self).__name__}"


class BaseTask(Task):
    """As a project of the seeds has it."""

    abstract = True

    def on_failure(self, exc: Any, task_id: Any, args: Any, kwargs: Any, einfo: Any) -> None:
        logging.getLogger("image").error("%s failed: %s", task_id, exc)


class Failing(BaseTask):
    def run(self) -> None:
        raise ValueError("no animal")


def test_defining_a_class_registers_an_instance_under_module_and_name() -> None:
    assert isinstance(registry[f"{HERE}.UpdateSearchIndexTask"], UpdateSearchIndexTask)


def test_the_class_and_its_instance_send_the_same_task(shop: Cardoon, drain: Drain) -> None:
    UpdateSearchIndexTask.ran.clear()
    handles = [UpdateSearchIndexTask.delay(full=True), UpdateSearchIndexTask().delay()]
    drain(shop)
    assert [handle.get(timeout=0) for handle in handles] == ["updated", "updated"]
    assert UpdateSearchIndexTask.ran == [{"full": True}, {}]


def test_every_way_of_sending_works_on_the_class(shop: Cardoon, drain: Drain) -> None:
    handles = [
        Report.delay("a", 1),
        Report.apply_async(("b",), {"pages": 2}, priority=6),
        Report.options(priority=7).delay("c", pages=3),  # type: ignore[call-arg]
        *Report.starmap([("d", 4)]),
        Report.AsyncResult(Report.apply_async(("e", 5), task_id="known", priority=8).id),
    ]
    drain(shop)
    told = [handle.get(timeout=0) for handle in handles]
    assert told == [f"{letter} on {n} by Report" for n, letter in enumerate("abcde", 1)]


def test_a_call_of_the_instance_runs_it_here() -> None:
    assert Report()("x", 1) == "x on 1 by Report"
    assert Report().run("x", 1) == "x on 1 by Report"


def test_a_name_may_hold_spaces_and_other_attributes_are_kept(memory_app: Cardoon, drain: Drain) -> None:
    assert memory_app.tasks["Fetch USI report"].description == "asks every animal"
    handle = memory_app.send_task("Fetch USI report", ["x"])
    drain(memory_app)
    job = handle.job
    assert job is not None
    assert (job.task, job.queue) == ("Fetch USI report", "slow")
    assert handle.get(timeout=0) == "x on 1 by Report"


def test_an_abstract_class_is_not_registered_but_its_subclass_is() -> None:
    assert f"{HERE}.BaseTask" not in registry
    assert f"{HERE}.Failing" in registry


def test_autoregister_false_leaves_it_out_until_it_is_registered(memory_app: Cardoon) -> None:
    class Later(Task):
        name = "later"
        autoregister = False

        def run(self) -> int:
            return 1

    assert "later" not in memory_app.tasks
    assert memory_app.tasks.register(Later) is Later
    assert memory_app.tasks["later"].run() == 1


def test_registering_twice_is_no_error_and_gives_one_entry(memory_app: Cardoon) -> None:
    class Once(memory_app.Task):  # type: ignore[name-defined, misc]
        name = "once"

        def run(self) -> None: ...

    memory_app.tasks.register(Once)
    memory_app.tasks.register(Once())
    assert memory_app.register_task(Once) is memory_app.tasks["once"] or isinstance(
        memory_app.register_task(Once), Once
    )
    assert [name for name in memory_app.tasks if name == "once"] == ["once"]


def test_another_class_of_the_same_name_is_refused(memory_app: Cardoon) -> None:
    class One(memory_app.Task):  # type: ignore[name-defined, misc]
        name = "same"

        def run(self) -> None: ...

    with pytest.raises(AlreadyRegistered, match=r"One .*Two "):

        class Two(memory_app.Task):  # type: ignore[name-defined, misc]
            name = "same"

            def run(self) -> None: ...

    assert isinstance(memory_app.tasks["same"], One)


def test_a_class_of_one_application_is_registered_there_alone(memory_app: Cardoon) -> None:
    class Own(memory_app.Task):  # type: ignore[name-defined, misc]
        def run(self) -> None: ...

    name = next(name for name in memory_app.tasks if name.endswith("Own"))
    assert name not in registry


def test_a_class_without_run_fails_naming_itself(shop: Cardoon, drain: Drain) -> None:
    class Empty(Task):
        name = "empty"

    with pytest.raises(NotImplementedError, match="Empty must define run"):
        Empty()()
    handle = Empty.delay()
    drain(shop)
    with pytest.raises(NotImplementedError, match="Empty must define run"):
        handle.get(timeout=0)


def test_wrong_options_of_a_class_are_refused_where_it_is_defined(memory_app: Cardoon) -> None:
    with pytest.raises(ConfigurationError, match="priority must be"):

        class Hasty(Task):
            name = "hasty"
            priority = -1

            def run(self) -> None: ...

    assert "hasty" not in memory_app.tasks


def test_the_worker_runs_an_instance_with_the_arguments(memory_app: Cardoon, drain: Drain) -> None:
    seen: list[Any] = []

    class CreateUser(Task):
        name = "create_user"

        def run(self, name: str, password: str) -> None:
            seen.append((type(self), name, password))

    CreateUser.delay("u", "p")
    drain(memory_app)
    assert seen == [(CreateUser, "u", "p")]


def test_super_reaches_the_methods_of_the_base(memory_app: Cardoon, drain: Drain) -> None:
    class Shouting(Task):
        name = "shouting"

        def run(self, text: str) -> str:
            return text

        def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
            return super().apply_async([args[0].upper()], kwargs, **options)

    handle = Shouting().apply_async(["x"])
    drain(memory_app)
    assert handle.get(timeout=0) == "X"


def test_a_failing_task_of_the_projects_base_logs_one_error(
    memory_app: Cardoon, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    handle = Failing.delay()
    drain(memory_app)
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == [f"{handle.id} failed: no animal"]


def test_an_unknown_name_is_a_key_error_that_tells_what_to_do() -> None:
    with pytest.raises(KeyError, match="is the module that defines it imported"):
        registry["nope"]
    with pytest.raises(NotRegistered, match="did you mean 'Fetch USI report'"):
        registry["Fetch USI statsu"]


def test_the_registry_reads_as_celerys_did() -> None:
    assert registry.tasks is registry
    assert f"{HERE}.Failing" in registry.regular()
    assert set(registry.regular()) == set(registry)


def test_a_task_can_be_unregistered_by_itself_or_by_name(memory_app: Cardoon) -> None:
    @memory_app.task(name="gone")
    def gone() -> None: ...

    memory_app.tasks.unregister(gone)
    assert "gone" not in memory_app.tasks
    with pytest.raises(NotRegistered):
        memory_app.tasks.unregister("gone")
