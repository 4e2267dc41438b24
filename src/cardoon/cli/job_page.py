"""All that is known of one job, as a page of text and as plain data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from cardoon.cli.text import duration, moment, shorten, terminal_width, visible, with_age
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.job import Job
from cardoon.model.message import Message, Unreadable
from cardoon.model.states import State

_LABEL = 10
_RAW = ("result", "progress", "body")


def record(job: Job) -> dict[str, Any]:
    """The job as plain data with nothing left out; moments are seconds since the epoch, UTC."""
    data: dict[str, Any] = {name: getattr(job, name) for name in job.__struct_fields__ if name not in _RAW}
    data["result"], data["progress"] = _json(job.result), _json(job.progress)
    data["message"] = _json(job.body)
    return data


def _json(data: bytes | None) -> Any:
    """What bytes say as JSON; as text what is none."""
    if not data:
        return None
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return data.decode("utf-8", "backslashreplace")


def describe(job: Job, attempts: Sequence[Job]) -> None:
    """Print the page."""
    for label, value in _facts(job):
        _say(f"{label:<{_LABEL}}{value}")
    for title, lines in (
        ("arguments", _arguments(job)),
        ("attempts", _attempts(job, attempts)),
        ("progress", _value(job.progress)),
        ("result", _result(job)),
    ):
        _section(title, lines)
    if job.error is not None:
        click.echo("error")
        for line in (job.error.traceback or str(job.error)).rstrip().splitlines():
            click.echo(f"  {visible(line)}")


def _section(title: str, lines: list[str]) -> None:
    if not lines:
        return
    click.echo(title)
    for line in lines:
        _say(f"  {line}")


def _say(line: str) -> None:
    click.echo(shorten(visible(line), terminal_width()))


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    now = clock.now()
    yield "job", job.id
    yield "task", job.task
    yield "state", job.state
    if job.note and job.state is not State.RESULT_LOST:
        yield "note", job.note
    yield "queue", f"{job.queue}, priority {job.priority}"
    yield "sent", with_age(job.created, now)
    for label, when in (("due", job.due), ("expires", job.expires), ("started", job.started)):
        if when is not None:
            yield label, with_age(when, now)
    if job.finished is not None:
        took = "" if job.started is None else f", took {duration(job.finished - job.started)}"
        yield "finished", with_age(job.finished, now) + took
    if job.crashes:
        yield "crashes", f"{job.crashes} (its process died while it ran alone)"
    for label, id in (("worker", job.worker), ("parent", job.parent)):
        if id:
            yield label, id


def _arguments(job: Job) -> list[str]:
    message = _message(job)
    if isinstance(message, str):
        return [message]
    named = [f"{name} = {_text(value)}" for name, value in message.kwargs.items()]
    return [*map(_text, message.args), *named]


def _message(job: Job) -> Message | str:
    try:
        return envelope.decode(job.body)
    except Unreadable as error:
        return f"unreadable: {error}"


def _attempts(job: Job, earlier: Sequence[Job]) -> list[str]:
    """A line each, the last one too; none for a job that never started."""
    told = earlier[-1].attempt if earlier else 0
    last = [job] if job.attempt > told and (job.final or job.state is State.RUNNING) else []
    return [_attempt(attempt) for attempt in [*earlier, *last]]


def _attempt(attempt: Job) -> str:
    # An attempt after which the job was ready again did not end by itself.
    state = "crashed" if attempt.state is State.READY else attempt.state
    parts = [f"{attempt.attempt}  {state:<11}"]
    if attempt.started is not None:
        parts.append(moment(attempt.started))
    if attempt.started is not None and attempt.finished is not None:
        parts.append(f"took {duration(attempt.finished - attempt.started)}")
    said = str(attempt.error).partition("\n")[0] if attempt.error is not None else attempt.note
    return "  ".join(filter(None, [*parts, said]))


def _result(job: Job) -> list[str]:
    if job.state is State.RESULT_LOST:
        return textwrap.wrap(f"not stored: {job.note}", terminal_width() - 2)
    if job.state is State.SUCCEEDED and job.result is None:
        return ["not stored (ignore_result)"]
    return _value(job.result)


def _value(data: bytes | None) -> list[str]:
    return [] if data is None else data.decode("utf-8", "backslashreplace").splitlines()


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
