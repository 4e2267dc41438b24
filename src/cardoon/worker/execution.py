"""The heart: from a claim to an outcome, one pipeline of named steps.

    execute:  find the task -> its arguments -> run the body through the layers -> judge -> outcome

Whatever a task does, an outcome comes back; nothing here touches the engine, so the same path
serves every pool, and eager mode.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from cardoon import failpoints
from cardoon.app import Cardoon
from cardoon.context import NOWHERE, Request, Surroundings, running
from cardoon.middleware import compose
from cardoon.model import clock, codec, flow, outcome
from cardoon.model.errors import ArgumentsRefused, Ignore, Retry
from cardoon.model.job import Claim
from cardoon.model.outcome import ErrorReport, Outcome
from cardoon.model.states import CELERY_NAMES, State
from cardoon.tasks.task import ExceptionInfo, Task
from cardoon.worker import forks
from cardoon.worker.coroutines import run_coroutine

log = logging.getLogger("cardoon.worker")

AnyTask = Task[..., Any, Any]
_HOOKS_OF_ERROR = {
    State.FAILED: "on_failure",
    State.QUARANTINED: "on_failure",
    State.RETRYING: "on_retry",
}
Await = Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]


def execute(app: Cardoon, claim: Claim, surroundings: Surroundings = NOWHERE) -> Outcome:
    """Run one attempt and say what became of it."""
    request = _request(app, claim, surroundings)
    if isinstance(request, Outcome):
        return request
    run = compose(app.running, _body) if app.running else _body
    with running(request):
        try:
            value = run(request)
        except BaseException as error:
            return _raised(app, request, error)
        return _returned(app, request, value)


async def execute_async(app: Cardoon, claim: Claim, surroundings: Surroundings, wait: Await) -> Outcome:
    """The same on an event loop, for the tasks that `fits_event_loop`; the body is awaited through `wait`."""
    request = _request(app, claim, surroundings)
    if isinstance(request, Outcome):
        return request
    with running(request):
        try:
            value = await _body_async(request, wait)
        except BaseException as error:
            return _raised(app, request, error)
        return _returned(app, request, value)


def fits_event_loop(app: Cardoon, task: AnyTask | None) -> bool:
    """Whether its body can be awaited where others are: layers are plain calls, so it must have none."""
    return task is not None and not app.running and inspect.iscoroutinefunction(task.run)


# -- before the body


def _request(app: Cardoon, claim: Claim, surroundings: Surroundings) -> Request | Outcome:
    """The job with its task and arguments; parked when there is no such task here or they do not fit."""
    message = claim.message
    task = app.tasks.find(message.task)
    if task is None:
        return _parked(app, claim, f"no task {message.task!r} here{app.tasks.nearest(message.task)}")
    try:
        args, kwargs = task.signature.unpack(message.args, message.kwargs)
        if task.declared.typing:
            task.signature.check(args, kwargs)
    except ArgumentsRefused as error:
        return _parked(app, claim, str(error))
    if "job.started" in app.events.heard:
        app.events.emit("job.started", claim.id, task.name, attempt=claim.attempt)
    engine = None if surroundings.is_eager else app.engine
    return Request(claim, args, kwargs, task_object=task, engine=engine, surroundings=surroundings)


# -- the body


def _body(request: Request) -> Any:
    interrupt, before = request.surroundings.interrupt, forks.generation
    if interrupt is not None:
        interrupt.enter()
    try:
        value = _call(request)
        return run_coroutine(value) if inspect.iscoroutine(value) else value
    finally:
        if forks.generation != before:
            forks.leave_fork()
        if interrupt is not None:
            interrupt.leave()


async def _body_async(request: Request, wait: Await) -> Any:
    before = forks.generation
    try:
        return await wait(_call(request))
    finally:
        if forks.generation != before:
            forks.leave_fork()


def _call(request: Request) -> Any:
    task = request.task_object
    if "before_start" in task.hooks:
        task.before_start(request.claim.id, request.args, request.kwargs)
    kwargs = _with_magic(task, request) if task.magic else request.kwargs
    if failpoints.armed:
        failpoints.hit("run.in_body")
    return task.run(*request.args, **kwargs)


def _with_magic(task: AnyTask, request: Request) -> dict[str, Any]:
    """The keyword arguments, with those of Celery 1.0 that the task takes and the call did not give."""
    known = {
        "logfile": request.logfile,
        "loglevel": request.loglevel,
        "task_id": request.id,
        "task_name": task.name,
        "task_retries": request.retries,
        "task_is_eager": request.is_eager,
        "delivery_info": request.delivery_info,
    }
    given = task.signature.given(request.args, request.kwargs)
    return {**request.kwargs, **{name: known[name] for name in task.magic if name not in given}}


# -- after the body


def _returned(app: Cardoon, request: Request, value: Any) -> Outcome:
    task = request.task_object
    end = _succeeded(app, task, request, value)
    if task.hooks:
        _tell_hooks_of_value(task, request, end, value)
    if f"job.{end.state}" in app.events.heard:
        _emit(app, request, end)
    return end


def _raised(app: Cardoon, request: Request, error: BaseException) -> Outcome:
    task = request.task_object
    end = _judged(app, task, request, error)
    if task.hooks:
        _tell_hooks_of_error(task, request, end, error)
    if f"job.{end.state}" in app.events.heard:
        _emit(app, request, end)
    return end


# -- judging


def _succeeded(app: Cardoon, task: AnyTask, request: Request, value: Any) -> Outcome:
    if request.retry_asked is not None:
        return _retrying(request.retry_asked)
    message = request.claim.message
    ignored = _ignores_result(app, task, request)
    if ignored and not message.link:
        return outcome.succeeded(None)
    try:
        packed = task.signature.pack_result(value)
        data = codec.dumps(packed)
    except Exception as error:  # the value's own code runs here too, such as a property that raises
        return outcome.result_lost(f"the result of {task.name} cannot be stored: {error}")
    limit = app.settings.result_size_limit
    if len(data) > limit:
        return outcome.result_lost(
            f"the result of {task.name} is {len(data):,} bytes, the limit is {limit:,}"
        )
    follow = flow.after_success(message, packed) if message.link else ()
    return outcome.succeeded(None if ignored else data, follow)


def _judged(app: Cardoon, task: AnyTask, request: Request, error: BaseException) -> Outcome:
    if isinstance(error, Ignore):
        return outcome.skipped(str(error))
    if isinstance(error, Retry):
        return _retrying(error)
    policy = task.declared.retry
    report = _report(error)
    if policy.covers(error) and policy.allows(request.retries):
        return outcome.retrying(clock.now() + policy.delay_after(request.retries), report)
    keeps = not _ignores_result(app, task, request) or _stores_errors(app, task)
    return outcome.failed(report if keeps else None, flow.after_failure(request.claim.message))


def _retrying(signal: Retry) -> Outcome:
    report = None if signal.exc is None else _report(signal.exc)
    return outcome.retrying(signal.when if signal.when is not None else clock.now(), report, signal.message)


def _report(error: BaseException) -> ErrorReport:
    try:
        packed = codec.pack(list(error.args))
        codec.dumps(packed)
    except Exception:
        # What cannot travel is left out: the message and the traceback still say what happened.
        packed = None
    return ErrorReport.of(error, packed)


def _ignores_result(app: Cardoon, task: AnyTask, request: Request) -> bool:
    for said in (request.claim.message.ignore_result, task.declared.ignore_result):
        if said is not None:
            return said
    return app.settings.task_ignore_result


def _stores_errors(app: Cardoon, task: AnyTask) -> bool:
    said = task.declared.store_errors_even_if_ignored
    return app.settings.task_store_errors_even_if_ignored if said is None else said


# -- telling


def _tell_hooks_of_value(task: AnyTask, request: Request, end: Outcome, value: Any) -> None:
    job = (request.claim.id, request.args, request.kwargs)
    if end.state is not State.RETRYING:
        _call_hook(task, "on_success", value, *job)
    _call_hook(task, "after_return", CELERY_NAMES[end.state], value, *job, None)


def _tell_hooks_of_error(task: AnyTask, request: Request, end: Outcome, error: BaseException) -> None:
    told = getattr(error, "exc", None) or error
    info = ExceptionInfo(told)
    job = (request.claim.id, request.args, request.kwargs)
    hook = _HOOKS_OF_ERROR.get(end.state)
    if hook:
        _call_hook(task, hook, told, *job, info)
    _call_hook(task, "after_return", CELERY_NAMES[end.state], told, *job, info)


def tell_of_failure(app: Cardoon, claim: Claim, end: Outcome, error: BaseException) -> None:
    """Tell hooks and listeners of a job whose process is about to end, by those who end it."""
    task = app.tasks.find(claim.message.task)
    if task is not None:
        request = Request(
            claim, claim.message.args, claim.message.kwargs, task_object=task, engine=app.engine
        )
        _tell_hooks_of_error(task, request, end, error)
        _emit(app, request, end, since=claim.claimed)


def _call_hook(task: AnyTask, name: str, *args: Any) -> None:
    """Call a hook that the task defines; Celery 1.0's take no `einfo`, and get none."""
    if name not in task.hooks:
        return
    hook = getattr(task, name)
    try:
        parameters = inspect.signature(hook).parameters.values()
        takes_all = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        hook(*(args if takes_all else args[: len(parameters)]))
    except (Exception, SystemExit):
        log.exception("%s of %s failed; the outcome stands", name, task.name)


def _emit(app: Cardoon, request: Request, end: Outcome, since: float | None = None) -> None:
    seconds = clock.now() - (request.started if since is None else since)
    data: dict[str, Any] = {"seconds": seconds, "attempt": request.attempt}
    if end.state is State.RETRYING and end.due is not None:
        data["again_in"] = max(0.0, end.due - clock.now())
    if end.note:
        data["note"] = end.note
    if end.error is not None:
        data["error"] = end.error
    app.events.emit(f"job.{end.state}", request.claim.id, request.task, **data)


def _parked(app: Cardoon, claim: Claim, note: str) -> Outcome:
    app.events.emit("job.parked", claim.id, claim.message.task, note=note)
    return outcome.parked(note)
