"""What `cardoon check` finds out about an application and its engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from cardoon.app import Cardoon
from cardoon.cli.target import app_path, connect_by, missing_file, no_file, settings_alone
from cardoon.cli.text import count
from cardoon.consumers import consumers
from cardoon.engines.contract import Engine
from cardoon.engines.urls import connect
from cardoon.model.errors import CardoonError, ConfigurationError, EngineError, nearest
from cardoon.model.job import Filter
from cardoon.model.queue import Queue
from cardoon.model.states import WAITING, State
from cardoon.model.url import mask
from cardoon.settings import FIELDS, Loaded, load
from cardoon.tasks.task import Task
from cardoon.worker.finder import find_app, import_tasks

_PARKED_SEEN = 200


class Setting(msgspec.Struct, frozen=True):
    """A setting as it may be shown, and where it comes from."""

    value: Any
    source: str


class EngineFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine says of itself and its jobs. `applied` are migrations that this check applied."""

    profile: str
    sentence: str
    version: str
    applied: list[str]
    waiting: int
    running: int
    parked: int
    parked_tasks: list[str]
    workers: int


class Finding(msgspec.Struct, kw_only=True):
    """Everything found. `problems` are to be mended; `warnings` and `notes` may be lived with."""

    application: str | None = None
    tasks: int | None = None
    url: str = ""
    engine: EngineFinding | None = None
    engine_problem: str = ""
    settings: dict[str, Setting] = {}
    notes: list[str] = []
    warnings: list[str] = []
    problems: list[str] = []


def examine(path: str | None, url: str | None) -> Finding:
    """Look at everything that can be looked at, whatever else is wrong."""
    found = Finding()
    if url:
        _examine_engine(found, lambda: connect(url), mask(url), ())
        return found
    loaded, app = None, None
    try:
        app = find_app(path) if app_path(path) else None
        loaded = app.loaded if app is not None else settings_alone()
    except CardoonError as error:
        found.problems += str(error).splitlines()
        found.problems += _engine_nobody_offers(app, found.problems)
    if loaded is not None:
        _take_settings(found, loaded)
    if app is not None:
        _examine_app(found, app, path, loaded)
    if loaded is not None:
        _examine_engine(found, _engine(app, loaded), mask(loaded.settings.url), loaded.settings.task_queues)
        _compare_profile(found, loaded)
    return found


def _engine_nobody_offers(app: Cardoon | None, told: list[str]) -> list[str]:
    """What is wrong with the engine's address where other settings are wrong too, so that none is made."""
    try:
        given, framework = ({}, {}) if app is None else (app.conf.given, app.conf.framework())
        connect_by(_load_addresses(_addresses(given), _addresses(framework)))
    except CardoonError as error:
        return [line for line in str(error).splitlines() if line not in told]
    return []


def _load_addresses(given: dict[str, Any], framework: dict[str, Any]) -> Loaded:
    environ = _addresses(os.environ)
    try:
        return load(given, environ=environ, framework=framework)
    except ConfigurationError:  # it may be told of pyproject.toml already
        return load(given, environ=environ, framework=framework, pyproject=None)


def _addresses(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among these that may name the engine."""
    return {key: value for key, value in given.items() if key.lower().endswith(("url", "url_file"))}


def _engine(app: Cardoon | None, loaded: Loaded) -> Any:
    return lambda: connect_by(loaded) if app is None else app.engine


def _take_settings(found: Finding, loaded: Loaded) -> None:
    found.notes += loaded.notes
    for name in FIELDS:
        value = getattr(loaded.settings, name)
        found.settings[name] = Setting(_shown(value), loaded.sources[name])


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if isinstance(value, Queue):
        return value.name
    return mask(value) if isinstance(value, str) else value


def _examine_app(found: Finding, app: Cardoon, path: str | None, loaded: Loaded | None) -> None:
    found.application = " at ".join(filter(None, [app.main, app_path(path)]))
    if loaded is None:
        return
    try:
        import_tasks(app)
    except CardoonError as error:
        found.problems += str(error).splitlines()
    found.tasks = len(app.tasks)
    if not app.tasks:
        found.warnings.append("there are no tasks: is the module that declares them imported (imports=)?")
    for name in sorted(app.tasks):
        _examine_task(found, app.tasks[name], loaded)


def _examine_task(found: Finding, task: Any, loaded: Loaded) -> None:
    try:
        queue = task.declared.queue
        _ = task.signature
        if type(task).run is Task.run:
            found.problems.append(f"{task.name}: {type(task).__qualname__} must define run()")
    except (CardoonError, ValueError, TypeError) as error:
        found.problems.append(f"{task.name}: {error}")
        return
    declared = [entry.name for entry in loaded.settings.task_queues]
    if queue and not loaded.settings.task_create_missing_queues and queue not in declared:
        found.problems.append(
            f"{task.name} is sent to the queue {queue!r}, which is not declared{nearest(queue, declared)}"
        )


def _examine_engine(found: Finding, make: Any, url: str, declared: tuple[Queue, ...]) -> None:
    found.url = url
    try:
        engine: Engine = make()
    except CardoonError as error:
        found.problems += str(error).splitlines()
        return
    try:
        file = missing_file(engine)
        if file is None:
            _ask(found, engine, {queue.name for queue in declared})
        elif found.application is None:
            found.engine_problem = no_file(file)
        else:
            found.notes.append(f"{file} will be made at first use")
        engine.close()
    except EngineError as error:
        found.engine_problem = str(error)


def _ask(found: Finding, engine: Engine, declared: set[str]) -> None:
    engine.open()  # where a schema is not brought up to date unasked, this says so
    applied = engine.migrate()
    profile, counts = engine.profile(), engine.count()
    workers = engine.workers()
    parked = engine.find(Filter(states=frozenset({State.PARKED})), limit=_PARKED_SEEN).jobs

    def total(states: frozenset[State], queue: str | None = None) -> int:
        chosen = counts.values() if queue is None else [counts.get(queue, {})]
        return sum(n for states_of in chosen for state, n in states_of.items() if state in states)

    found.engine = EngineFinding(
        profile=profile.name,
        sentence=profile.sentence,
        version=profile.version,
        applied=applied,
        waiting=total(WAITING - {State.PARKED}),
        running=total(frozenset({State.RUNNING})),
        parked=total(frozenset({State.PARKED})),
        parked_tasks=sorted({job.task for job in parked}),
        workers=len(workers),
    )
    found.warnings += profile.warnings
    found.notes += profile.notes
    for queue in sorted(counts):
        if declared and queue not in declared and total(WAITING, queue):
            found.warnings.append(f"jobs wait in the queue {queue!r}, which is not declared")
        waiting = total(WAITING, queue)
        if waiting and not consumers(workers, queue):
            found.warnings.append(
                f"queue {queue!r} has {count(waiting, 'waiting job')} and no worker consumes it"
            )
    found.warnings += [f"the queue {info.name!r} is paused" for info in engine.queues() if info.paused]


def _compare_profile(found: Finding, loaded: Loaded) -> None:
    engine, wanted = found.engine, loaded.settings.profile
    if engine is not None and engine.profile != wanted:
        found.warnings.append(f"the profile {wanted!r} is asked for, but the engine's is {engine.profile!r}")
