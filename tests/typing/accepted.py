# pyright: strict
"""Right uses: mypy --strict and basedpyright find nothing here. Read by checkers, never run."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, assert_type

from cardoon import (
    AsyncResult,
    BaseTask,
    CallNext,
    Cardoon,
    Layer,
    Message,
    Queue,
    Request,
    Task,
    current_job,
    exceptions,
    get_task_logger,
    task,
)

app = Cardoon("shop", url="memory://", task_queues=[Queue("images")])


@task
def add(x: int, y: int) -> int:
    return x + y


@task()
def plain(text: str) -> bytes:
    return text.encode()


@app.task
def greet(name: str, *, loud: bool = False) -> str:
    return name.upper() if loud else name


@app.task(queue="images", retry_for=OSError, max_retries=None)
def resize(path: str, width: int = 800) -> str:
    return f"{path}@{width}"


@app.task
async def fetch(url: str) -> bytes:
    return url.encode()


@task(ignore_result=True)
async def notify(user: int, text: str = "") -> None:
    await asyncio.sleep(0)


@app.task(bind=True, max_retries=5)
def charge(self: Task, order: int, amount: float = 0.0) -> bool:
    assert_type(self.request, Request)
    try:
        return order > 0
    except OSError as error:
        raise self.retry(exc=error, countdown=60) from error


@task(bind=True)
async def audit(self: Task[..., Any, Any], entry: str) -> int:
    self.retry(throw=False)
    return len(entry)


@app.task(bind=True)
def collect(self: Task, /, *parts: int, **named: int) -> int:
    """Beside `**named` mypy wants the `/`: else `self` might be one of the names."""
    return sum(parts) + sum(named.values()) + self.request.retries


class Import(Task[[str, int], float]):
    """With its types: arguments, and what `run` gives."""

    name = "import"
    max_retries = 9

    def run(self, path: str, rows: int) -> float:
        return rows / len(path)


class Crawl(Task[[str], Coroutine[Any, Any, int], int]):
    """An `async def run`: what the call gives, then what the job gives."""

    async def run(self, url: str) -> int:
        return len(url)


class Sweep(Task):
    """Without types: anything goes, as in Celery."""

    def run(self, depth: int = 1) -> int:
        return depth


def calls_run_here() -> None:
    assert_type(add(1, 2), int)
    assert_type(plain("x"), bytes)
    assert_type(greet("x", loud=True), str)
    assert_type(resize("cat.jpg"), str)
    assert_type(charge(1, amount=2.0), bool)
    assert_type(Import()("x", 1), float)
    assert_type(add.run(1, 2), int)
    assert_type(collect(1, 2, more=3), int)


def jobs_are_sent() -> None:
    assert_type(add.delay(1, 2), AsyncResult[int])
    assert_type(add.delay(x=1, y=2).get(timeout=10), int)
    assert_type(resize.delay("cat.jpg", width=300).get(), str)
    assert_type(fetch.delay("x").get(), bytes)
    assert_type(charge.delay(1), AsyncResult[bool])
    assert_type(audit.delay("entry").get(), int)
    assert_type(collect.delay(1, more=2).get(), int)
    assert_type(add.apply_async((1, 2), countdown=3, queue="images"), AsyncResult[int])
    assert_type(add.apply((1, 2)).get(), int)
    assert_type(add.AsyncResult("id").get(), int)


def options_keep_the_types() -> None:
    assert_type(add.options(countdown=3).delay(1, 2), AsyncResult[int])
    assert_type(fetch.options(queue="images").delay("x").get(), bytes)
    assert_type(greet.options(priority=0)("x"), str)


def many_are_sent() -> None:
    assert_type(resize.map(["a.jpg", "b.jpg"]), list[AsyncResult[str]])
    assert_type(fetch.options(priority=9).map({"x", "y"})[0].get(), bytes)
    assert_type(add.starmap([(1, 2), (3, 4)]), list[AsyncResult[int]])


def classes_are_tasks() -> None:
    assert_type(Import().delay("x", 1), AsyncResult[float])
    assert_type(Import.delay("x", 1).get(), float)
    assert_type(Crawl().delay("x").get(), int)
    Sweep.delay(depth=2).get()
    Sweep().apply_async(kwargs={"depth": 2}).get()
    app.register_task(Sweep)
    app.tasks.register(Sweep())


async def async_callers() -> None:
    assert_type(await fetch("x"), bytes)
    assert_type(await notify(1, text="x"), None)
    assert_type(await add.adelay(1, 2), AsyncResult[int])
    assert_type(await (await add.adelay(1, 2)), int)
    assert_type(await fetch.delay("x"), bytes)
    assert_type(await fetch.delay("x").aget(timeout=1), bytes)
    assert_type(await Crawl()("x"), int)
    first, second = await asyncio.gather(add.delay(1, 2), fetch.delay("x"))
    assert_type(first, int)
    assert_type(second, bytes)


def jobs_by_name_and_id() -> None:
    assert_type(app.send_task("shop.greet", ["x"]), AsyncResult[Any])
    assert_type(app.AsyncResult("id").state, str)
    assert_type(current_job().id, str | None)


def takes(sender: Task[[int, int], int]) -> int:
    return sender.delay(1, 2).get()


def links() -> None:
    add.apply_async((1, 2), link=add.s(3), link_error=[plain.si("failed")])
    takes(add)


def carry(message: Message, call_next: CallNext[Message]) -> Any:
    return call_next(message)


def retell(request: Request, call_next: CallNext[Request]) -> Any:
    get_task_logger(__name__).info("%s", request.id)
    return call_next(request)


def layers() -> None:
    app.sending.append(carry)
    app.running.append(retell)
    sending: Layer[Message] = carry
    assert_type(app.sending, list[Layer[Message]])
    sending(add.s(1, 2), add.s)


class Logged(BaseTask):
    def run(self, table: str) -> int:
        assert_type(self.update_state(state="READING", meta={"table": table}), bool)
        if not table:
            raise exceptions.Ignore("nothing to read")
        return 1
