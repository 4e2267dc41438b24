"""`tm=`: a job is stored when the transaction of its sender has committed, never otherwise (A16)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import transaction
from tests.unit.tasks.conftest import Drain

from cardoon import Cardoon, Task
from cardoon.engines.memory import MemoryEngine
from cardoon.model.errors import (
    ArgumentsRefused,
    EngineUnavailable,
    InvalidOption,
    NotSerializable,
    PayloadTooLarge,
)
from cardoon.model.job import Filter


@pytest.fixture
def tm() -> transaction.TransactionManager:
    return transaction.TransactionManager()


@pytest.fixture(autouse=True)
def no_transaction_is_left() -> Iterator[None]:
    yield
    transaction.abort()


class Sender:
    """An application, a task of it and what its worker received."""

    def __init__(self, app: Cardoon) -> None:
        self.app = app
        self.received: list[Any] = []

        @app.task(name="send_sms")
        def send_sms(delivery_id: int) -> int:
            self.received.append(delivery_id)
            return delivery_id

        self.task: Task[[int], int] = send_sms

    @property
    def stored(self) -> list[str]:
        return [job.id for job in self.app.engine.find(Filter()).jobs]


@pytest.fixture
def sender(shop: Cardoon) -> Sender:
    return Sender(shop)


def test_the_worker_receives_the_argument_after_the_commit(
    sender: Sender, tm: transaction.TransactionManager, drain: Drain
) -> None:
    class Request:
        transaction_manager = tm

    def view(request: Any) -> Any:
        return sender.task.apply_async(args=(17,), tm=request.transaction_manager)

    with tm:
        handle = view(Request())
        assert (sender.stored, handle.exists(), handle.state) == ([], False, "UNKNOWN")
    assert sender.stored == [handle.id]
    assert handle.state == "PENDING"
    drain(sender.app)
    assert sender.received == [17]
    assert handle.get(timeout=0) == 17


def test_no_job_is_made_of_a_transaction_that_aborts(
    sender: Sender, tm: transaction.TransactionManager
) -> None:
    sender.task.apply_async((1,), tm=tm)
    tm.abort()
    tm.commit()
    assert sender.stored == []


def test_no_job_is_made_of_a_commit_that_fails(sender: Sender, tm: transaction.TransactionManager) -> None:
    class Unwilling:
        """A member that votes against, or fails when it is too late to do so."""

        transaction_manager = tm

        def __init__(self, at: str) -> None:
            self.at = at

        def sortKey(self) -> str:
            return "~~later than any other"

        def __getattr__(self, name: str) -> Any:
            def step(_transaction: Any) -> None:
                if name == self.at:
                    raise OSError(f"no {name}")

            return step

    for at in ("commit", "tpc_vote", "tpc_finish"):
        tm.begin().join(Unwilling(at))
        sender.task.apply_async((1,), tm=tm)
        with pytest.raises(OSError, match=at):
            tm.commit()
        tm.abort()
    assert sender.stored == []


def test_a_rollback_to_a_savepoint_drops_what_was_sent_since(
    sender: Sender, tm: transaction.TransactionManager, drain: Drain
) -> None:
    sender.task.apply_async((1,), tm=tm)
    savepoint = tm.savepoint()
    sender.task.apply_async((2,), tm=tm)
    savepoint.rollback()
    sender.task.apply_async((3,), tm=tm)
    tm.savepoint()
    tm.commit()
    drain(sender.app)
    assert sender.received == [1, 3]


def test_the_manager_of_the_thread_and_its_module_are_managers_too(sender: Sender, drain: Drain) -> None:
    with transaction.manager:
        sender.task.apply_async((1,), tm=transaction.manager)
        sender.task.apply_async((2,), tm=transaction)
        assert sender.stored == []
    drain(sender.app)
    assert sender.received == [1, 2]


def test_every_way_to_send_waits_for_the_commit(
    sender: Sender, tm: transaction.TransactionManager, drain: Drain
) -> None:
    later = sender.task.options(tm=tm)
    later.delay(1)
    asyncio.run(later.adelay(2))
    handles = [*later.map([3, 4]), *later.starmap([(5,)])]
    sender.app.send_task("send_sms", (6,), tm=tm)
    sender.app.send_task("unknown.here", (7,), tm=tm)
    assert sender.stored == []
    tm.commit()
    drain(sender.app)
    assert sender.received == [1, 2, 3, 4, 5, 6]
    assert [handle.get(timeout=0) for handle in handles] == [3, 4, 5]
    assert len(sender.stored) == 7


def test_two_transactions_after_another_send_their_own(
    sender: Sender, tm: transaction.TransactionManager
) -> None:
    first = sender.task.apply_async((1,), tm=tm)
    tm.commit()
    second = sender.task.apply_async((2,), tm=tm)
    assert sender.stored == [first.id]
    tm.commit()
    assert sorted(sender.stored) == sorted([first.id, second.id])


@pytest.mark.parametrize(
    ("argument", "error"),
    [("x", ArgumentsRefused), (object(), NotSerializable), ("x" * 300_000, PayloadTooLarge)],
    ids=["of another type", "cannot travel", "too large"],
)
def test_what_cannot_be_sent_is_refused_at_the_call(
    argument: Any, error: type[Exception], sender: Sender, tm: transaction.TransactionManager
) -> None:
    @sender.app.task(name="anything")
    def anything(x: Any) -> None: ...

    task: Any = sender.task if error is ArgumentsRefused else anything
    with pytest.raises(error):
        task.apply_async((argument,), tm=tm)
    tm.commit()
    assert sender.stored == []


def test_send_layers_see_each_job_once_at_the_call(
    sender: Sender, tm: transaction.TransactionManager
) -> None:
    seen: list[str] = []
    sender.app.sending.append(lambda message, call_next: (seen.append(message.id), call_next(message))[1])
    handle = sender.task.apply_async((1,), tm=tm)
    assert seen == [handle.id]
    tm.commit()
    assert seen == sender.stored == [handle.id]


class Closed(MemoryEngine):
    """An engine that goes away between the call and the commit."""

    away = False

    def push(self, *args: Any, **kwargs: Any) -> Any:
        if self.away:
            raise EngineUnavailable("the engine is away")
        return super().push(*args, **kwargs)


def test_a_failure_after_the_commit_is_logged_with_task_and_id_and_not_raised(
    tm: transaction.TransactionManager, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Closed()
    sender = Sender(Cardoon("away", engine=engine))
    handles = sender.task.options(tm=tm).map([1, 2])
    engine.away = True
    tm.commit()
    told = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [
        (
            "cardoon",
            "ERROR",
            f"send_sms[{handle.id}] was not stored after its transaction committed: the engine is away",
        )
        for handle in handles
    ]
    assert sender.stored == []


def test_in_eager_mode_it_runs_after_the_commit(eager: Cardoon, tm: transaction.TransactionManager) -> None:
    sender = Sender(eager)
    with tm:
        handle = sender.task.apply_async((1,), tm=tm)
        assert (sender.received, handle.state) == ([], "UNKNOWN")
    assert sender.received == [1]
    assert (handle.get(timeout=0), handle.ready()) == (1, True)
    sender.task.apply_async((2,), tm=tm)
    tm.abort()
    assert sender.received == [1]


@pytest.mark.parametrize("given", [True, "request", {}, object(), type("Request", (), {"get": dict.get})])
def test_what_is_no_transaction_manager_is_refused(given: Any, sender: Sender) -> None:
    with pytest.raises(InvalidOption, match=r"tm must be a transaction manager, such as request\.tm"):
        sender.task.apply_async((1,), tm=given)
    assert sender.stored == []


def test_a_manager_on_which_no_transaction_was_begun_is_refused(sender: Sender) -> None:
    explicit = transaction.TransactionManager(explicit=True)
    with pytest.raises(InvalidOption, match=r"no transaction is open on tm \(NoTransaction\)"):
        sender.task.apply_async((1,), tm=explicit)
    explicit.begin()
    handle = sender.task.apply_async((1,), tm=explicit)
    explicit.commit()
    assert sender.stored == [handle.id]


def test_none_is_as_good_as_no_transaction_manager(sender: Sender) -> None:
    assert sender.task.apply_async((1,), tm=None).exists()
    assert sender.task.options(tm=None).delay(1).exists()


def test_what_is_not_sent_has_no_commit_to_wait_for(
    sender: Sender, tm: transaction.TransactionManager
) -> None:
    calls = [
        lambda: sender.task.options(tm=tm).s(1),
        lambda: sender.task.options(tm=tm).si(1),
        lambda: sender.task.apply((1,), tm=tm),
    ]
    for call in calls:
        with pytest.raises(InvalidOption, match=r"tm has no meaning here: .*\(send_sms\)"):
            call()


def test_without_a_transaction_manager_nothing_of_it_is_loaded(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cardoon.transactions", None)
    assert sender.task.delay(1).exists()
