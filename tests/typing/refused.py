# pyright: strict
"""Wrong uses: mypy --strict and basedpyright report each marked line, and no other. Never run."""

from __future__ import annotations

from cardoon import AsyncResult, Cardoon, Message, Task, task

app = Cardoon("shop", url="memory://")


@app.task
def add(x: int, y: int) -> int:
    return x + y


@task(queue="images")
def greet(name: str, *, loud: bool = False) -> str:
    return name.upper() if loud else name


@app.task
async def fetch(url: str) -> bytes:
    return url.encode()


@app.task(bind=True)
def charge(self: Task, order: int) -> bool:
    return order > 0


@task(bind=True)
async def audit(self: Task, entry: str) -> int:
    return len(entry)


class Import(Task[[str, int], float]):
    def run(self, path: str, rows: int) -> float:
        return rows / len(path)


def the_direct_call() -> None:
    add("1", 2)  # wrong: a str for an int
    add(1)  # wrong: an argument is missing
    add(1, 2, 3)  # wrong: one argument too many
    greet("x", True)  # wrong: keyword only
    greet("x", noisy=True)  # wrong: no such parameter
    Import()("x", "y")  # wrong: a str for an int


def delay() -> None:
    add.delay("1", 2)  # wrong: a str for an int
    add.delay(1)  # wrong: an argument is missing
    add.delay(x=1, z=2)  # wrong: no such parameter
    greet.delay(1)  # wrong: an int for a str
    fetch.delay(1)  # wrong: an int for a str, of an `async def`
    Import().delay("x", "y")  # wrong: a str for an int
    Import.delay("x", "y")  # wrong: a str for an int, on the class


def delay_with_options() -> None:
    add.options(countdown=3).delay("1", 2)  # wrong: a str for an int
    greet.options(queue="x").delay("x", 1)  # wrong: keyword only
    fetch.options(priority=1).delay()  # wrong: an argument is missing
    Import().options(priority=1).delay(1, 1)  # wrong: an int for a str


def the_handle() -> None:
    text: AsyncResult[str] = add.delay(1, 2)  # wrong: the handle of an int
    job: AsyncResult[bytes] = greet.options(priority=1).delay("x")  # wrong: the handle of a str
    jobs: list[AsyncResult[str]] = fetch.map(["x"])  # wrong: handles of bytes
    add.delay(1, 2).wait_for_it()  # wrong: no such method
    print(text, job, jobs)


def the_result() -> None:
    text: str = add.delay(1, 2).get()  # wrong: an int
    number: int = greet.apply(("x",)).get(timeout=1)  # wrong: a str
    order: str = charge.delay(1).get()  # wrong: a bool
    print(text, number, order)


async def async_def_is_unwrapped() -> None:
    text: str = fetch.delay("x").get()  # wrong: bytes, not a coroutine and not str
    direct: str = await fetch("x")  # wrong: bytes
    awaited: str = await fetch.delay("x")  # wrong: bytes
    sent: str = await (await fetch.adelay("x"))  # wrong: bytes
    await fetch.adelay(1)  # wrong: an int for a str
    await fetch(1)  # wrong: an int for a str
    entries: str = audit.delay("x").get()  # wrong: an int
    print(text, direct, awaited, sent, entries)


def bound() -> None:
    charge.delay("1")  # wrong: a str for an int
    charge.delay()  # wrong: an argument is missing
    charge("1")  # wrong: a str for an int
    charge(charge, 1)  # wrong: the task itself is not an argument of its caller
    audit.delay(1)  # wrong: an int for a str


@app.task(bind=True)  # wrong: nothing to bind
def unbound() -> int:
    return 1


def many() -> None:
    fetch.map([1, 2])  # wrong: ints for strings
    fetch.options(priority=1).map([1])  # wrong: ints for strings
    add.map([1, 2])  # wrong: the task takes two arguments


class WrongRun(Task[[str], int]):
    def run(self, path: int) -> int:  # wrong: not what its class says
        return path


def another_signature(sender: Task[[str], str]) -> None:
    sender.delay("x")


another_signature(add)  # wrong: a task of other arguments


def hasty(message: Message) -> None:
    """A layer that has nothing to call next."""


app.sending.append(hasty)  # wrong: a layer takes what to call next
