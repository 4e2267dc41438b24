"""The settings of an application: from arguments, environment, framework, pyproject.toml, defaults."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from cardoon.model import celery_names, setting_kinds
from cardoon.model.errors import CardoonError, ConfigurationError, UnknownOption, nearest
from cardoon.model.message import DEFAULT_PRIORITY, DEFAULT_QUEUE
from cardoon.model.options import SERIALIZERS, time_limits
from cardoon.model.queue import Queue
from cardoon.model.setting_kinds import Kind, one_of
from cardoon.model.url import mask

PYPROJECT = Path("pyproject.toml")
"""A relative path is looked for in the current directory and all above it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an application can be told. Durations are seconds, sizes bytes.

    `task_create_missing_queues` is never None once made: without a word it is True unless queues
    are declared. `result_expires=None` keeps results for ever.
    """

    url: str = "sqlite:///cardoon.db"
    namespace: str = ""
    profile: Literal["durable", "fast"] = "durable"
    timezone: str = "UTC"
    enable_utc: bool = True
    imports: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    accept_content: tuple[str, ...] = ("json",)
    accept_magic_kwargs: bool = False
    task_default_queue: str = DEFAULT_QUEUE
    task_queues: tuple[Queue, ...] = ()
    task_create_missing_queues: bool | None = None
    task_default_priority: int = DEFAULT_PRIORITY
    warn_no_consumer: bool = True
    task_always_eager: bool = False
    task_eager_propagates: bool = False
    task_ignore_result: bool = False
    task_store_errors_even_if_ignored: bool = True
    task_time_limit: float | None = None
    task_soft_time_limit: float | None = None
    task_serializer: str = "json"
    task_size_limit: int = 262_144
    result_expires: float | None = 604_800.0
    result_size_limit: int = 1_048_576
    worker_concurrency: int | None = None
    worker_shutdown_timeout: float = 25.0
    worker_log_level: str = "info"

    def __post_init__(self) -> None:
        if self.task_create_missing_queues is None:
            msgspec.structs.force_setattr(self, "task_create_missing_queues", not self.task_queues)

    def __repr__(self) -> str:
        changed = {name: getattr(self, name) for name in FIELDS if getattr(self, name) != DEFAULTS[name]}
        return f"Settings({', '.join(f'{name}={_shown(value)}' for name, value in changed.items())})"


class Field(NamedTuple):
    """One setting: what it takes and a sentence on what it does."""

    kind: Kind
    meaning: str


_TEXT, _FLAG, _NAMES = setting_kinds.TEXT, setting_kinds.FLAG, setting_kinds.NAMES
_BYTES, _SECONDS, _LIMIT = setting_kinds.BYTES, setting_kinds.SECONDS, setting_kinds.LIMIT

FIELDS: dict[str, Field] = {
    "url": Field(setting_kinds.URL, "where jobs are kept"),
    "namespace": Field(_TEXT, "one more prefix of upper-case framework settings, beside CELERY and CARDOON"),
    "profile": Field(
        one_of("durable", "fast"), "whether a job survives a power cut, or only a killed process"
    ),
    "timezone": Field(setting_kinds.ZONE, "the time zone in which schedules are read"),
    "enable_utc": Field(_FLAG, "moments are kept in UTC; they always are"),
    "imports": Field(_NAMES, "modules that a worker imports first"),
    "include": Field(_NAMES, "more modules that a worker imports"),
    "accept_content": Field(setting_kinds.CONTENT, "serializers that are read"),
    "accept_magic_kwargs": Field(_FLAG, "whether tasks get Celery 1.0's `task_id`, `logfile` and so on"),
    "task_default_queue": Field(setting_kinds.QUEUE_NAME, "the queue of tasks that name none"),
    "task_queues": Field(setting_kinds.QUEUES, "the declared queues; none means that any may be used"),
    "task_create_missing_queues": Field(
        _FLAG, "whether one may send to an undeclared queue; True unless queues are declared"
    ),
    "task_default_priority": Field(
        setting_kinds.PRIORITY, "the priority of tasks that name none, 0 is first"
    ),
    "warn_no_consumer": Field(
        _FLAG, "whether a warning is logged when a job is sent whose queue no live worker consumes"
    ),
    "task_always_eager": Field(_FLAG, "whether `delay` runs the task at once, in this process"),
    "task_eager_propagates": Field(_FLAG, "whether errors of eager calls are raised at once"),
    "task_ignore_result": Field(_FLAG, "whether the values that tasks return are dropped"),
    "task_store_errors_even_if_ignored": Field(_FLAG, "whether errors are kept where results are not"),
    "task_time_limit": Field(_LIMIT, "after so long the process of a task is ended"),
    "task_soft_time_limit": Field(_LIMIT, "after so long SoftTimeLimitExceeded is raised in a task"),
    "task_serializer": Field(one_of("json"), "the form in which arguments travel"),
    "task_size_limit": Field(_BYTES, "the size of one packed call"),
    "result_expires": Field(_LIMIT, "for how long finished jobs and their results are kept; none: for ever"),
    "result_size_limit": Field(_BYTES, "the size of one packed result"),
    "worker_concurrency": Field(setting_kinds.PROCESSES, "how many processes a worker has"),
    "worker_shutdown_timeout": Field(_SECONDS, "how long a stopping worker waits for its running jobs"),
    "worker_log_level": Field(setting_kinds.LEVEL, "the least important lines that a worker logs"),
}

DEFAULTS: dict[str, Any] = msgspec.structs.asdict(Settings())

OWN = frozenset(
    {
        "url",
        "namespace",
        "profile",
        "accept_magic_kwargs",
        "warn_no_consumer",
        "task_size_limit",
        "result_size_limit",
        "worker_shutdown_timeout",
        "worker_log_level",
    }
)
"""Settings that Celery does not have, or has under another name."""


_RESULT_BACKEND = "result_backend"
_KNOWN = frozenset(
    {*FIELDS, *celery_names.ALIASES, *celery_names.NOT_NEEDED, *celery_names.NOT_YET, _RESULT_BACKEND}
)
_ENVIRONMENT = "CARDOON_"
_SURELY_A_TYPO = 0.85


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Settings, where each came from, and remarks on what was given without effect."""

    settings: Settings
    sources: dict[str, str]
    notes: tuple[str, ...] = ()


def load(
    explicit: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    framework: Mapping[str, Any] | None = None,
    module: str | None = None,
    pyproject: Path | None = PYPROJECT,
) -> Loaded:
    """The settings from all sources: explicit > environment > framework > pyproject.toml > defaults.

    Keys may be spelled in Celery's three ways. A framework's mapping may hold its own settings too, and
    a `module` that was read unasked in place of one any names of its own.
    Raises one ConfigurationError with everything that is wrong, a line for each; UnknownOption when
    that is all unknown names.
    """
    framework = framework or {}
    reading = _Reading(str(explicit.get("namespace") or framework.get("CARDOON_NAMESPACE") or ""))
    reading.pyproject(_cardoon_table(pyproject))
    if module:
        reading.module(module, framework)
    else:
        reading.framework(framework)
    reading.environment(os.environ if environ is None else environ)
    reading.arguments(explicit)
    return reading.done()


def problems(settings: Settings) -> list[str]:
    """Everything that is wrong with these settings, a sentence for each."""
    found = []
    for name, field in FIELDS.items():
        try:
            _read(name, field.kind, getattr(settings, name))
        except ConfigurationError as error:
            found.append(str(error))
    return found or _contradictions(settings)


def pyproject_app(pyproject: Path = PYPROJECT) -> str | None:
    """Where the application is, as `[tool.cardoon]` names it: `app = "module:app"`."""
    app = _cardoon_table(pyproject).get("app")
    if app is not None and not isinstance(app, str):
        raise ConfigurationError(f"app in [tool.cardoon] must be like 'module:app', not {app!r}")
    return app


class _Reading:
    """One loading: takes the sources from the weakest to the strongest."""

    def __init__(self, namespace: str) -> None:
        self.values: dict[str, Any] = {}
        self.sources = dict.fromkeys(FIELDS, "default")
        self.problems: list[ConfigurationError] = []
        self.notes: list[str] = []
        words = dict.fromkeys((namespace.upper().rstrip("_"), "CARDOON", "CELERY"))
        self.prefixes = [f"{word}_" for word in words if word]

    def pyproject(self, table: Mapping[str, Any]) -> None:
        given = {key: value for key, value in table.items() if key != "app"}
        self._take("pyproject.toml", self._named(given, "[tool.cardoon]"))

    def framework(self, mapping: Mapping[str, Any]) -> None:
        given = {key: value for key, value in mapping.items() if self._is_ours(key)}
        where = "the framework's mapping"
        self._take("framework settings", self._named(given, where, shared=self._may_be_anothers))

    def module(self, name: str, values: Mapping[str, Any]) -> None:
        given = {key: value for key, value in values.items() if self._is_ours(key)}
        self._take(name, self._named(given, name, shared=lambda key: not self._is_meant_for_us(key)))

    def arguments(self, given: Mapping[str, Any]) -> None:
        self._take("argument", self._named(given, "the application"))

    def environment(self, environ: Mapping[str, str]) -> None:
        given = []
        for key, text in environ.items():
            if not text or not key.startswith(_ENVIRONMENT) or _is_passed_over(key):
                continue
            name = key.removeprefix(_ENVIRONMENT).lower()
            if name.endswith("_file") and name.removesuffix("_file") in _KNOWN:
                name, text = name.removesuffix("_file"), self._content(key, text)
            if name in _KNOWN and text:
                given.append((key, celery_names.ALIASES.get(name, name), text))
            elif name not in _KNOWN:
                known = [_ENVIRONMENT + other.upper() for other in FIELDS]
                self.notes.append(f"{key} in the environment is no setting{nearest(key, known)}")
        self._take("environment", given)

    def done(self) -> Loaded:
        backend = self.values.pop(_RESULT_BACKEND, None)
        settings = Settings(**self.values)
        if not self.problems:
            self.problems += map(ConfigurationError, problems(settings))
        _raise(self.problems)
        kept = tuple(name for name in settings.accept_content if name in SERIALIZERS)
        notes = [*self.notes, *_remarks(settings, backend)]
        settings = msgspec.structs.replace(settings, accept_content=kept)
        return Loaded(settings=settings, sources=self.sources, notes=tuple(notes))

    def _is_ours(self, key: str) -> bool:
        if key.isupper():
            return key.startswith((*self.prefixes, *celery_names.OLD_PREFIXES))
        return "." not in key

    def _named(
        self, given: Mapping[str, Any], where: str, *, shared: Callable[[str], bool] | None = None
    ) -> list[tuple[str, str, Any]]:
        """(key, name, value) of what is known; an unknown key for which `shared` holds is only noted."""
        named = []
        for key, value in given.items():
            name = self._name(key)
            if name is not None:
                named.append((key, name, value))
            elif shared and shared(key):
                self.notes.append(f"{key} in {where} is no setting of Cardoon or Celery")
            else:
                self.problems.append(UnknownOption.named(key, self._spellings(key), where))
        return named

    def _name(self, key: str) -> str | None:
        spellings = [key, *(key.removeprefix(p).lower() for p in self.prefixes if key.startswith(p))]
        known = next((name for name in [*spellings, celery_names.modern(key)] if name in _KNOWN), None)
        return celery_names.ALIASES.get(known, known) if known else None

    def _spellings(self, key: str) -> list[str]:
        """Every known name in the spelling that `key` seems to have."""
        if not key.isupper():
            return sorted(_KNOWN)
        prefix = next((prefix for prefix in self.prefixes if key.startswith(prefix)), "CELERY_")
        old = [name for known in sorted(_KNOWN) for name in celery_names.old_spellings(known)]
        return [prefix + name.upper() for name in sorted(_KNOWN)] + old

    def _may_be_anothers(self, key: str) -> bool:
        return key.isupper() and not self._is_meant_for_us(key)

    def _is_meant_for_us(self, key: str) -> bool:
        if key.startswith(_ENVIRONMENT):
            return True
        import difflib  # here, so that only who errs pays for it

        return bool(difflib.get_close_matches(key, self._spellings(key), 1, _SURELY_A_TYPO))

    def _take(self, source: str, given: Iterable[tuple[str, str, Any]]) -> None:
        first: dict[str, tuple[str, Any]] = {}
        for key, name, value in given:
            reason = celery_names.NOT_NEEDED.get(name) or _not_yet(name)
            if reason:
                self.notes.append(f"{key} ({source}) has no effect: {reason}")
                continue
            try:
                self._set(source, key, name, value, first)
            except ConfigurationError as error:
                self.problems.append(error)

    def _set(self, source: str, key: str, name: str, value: Any, first: dict[str, tuple[str, Any]]) -> None:
        kind = FIELDS[name].kind if name in FIELDS else _TEXT
        if value is None and not kind.optional:
            return
        read = _read(key, kind, value)
        other, before = first.setdefault(name, (key, read))
        if before != read:
            raise ConfigurationError(
                f"{other} and {key} are one setting but differ: {_shown(before)} and {_shown(read)}"
            )
        self.values[name] = read
        if name in FIELDS:
            self.sources[name] = f"{source} {key}" if source == "environment" else source

    def _content(self, key: str, file: str) -> str:
        try:
            return Path(file).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            self.problems.append(ConfigurationError(f"{key}: the file {file!r} could not be read ({error})"))
            return ""


def _is_passed_over(variable: str) -> bool:
    """Whether a variable belongs to the command line, the logs or the tests."""
    return variable == "CARDOON_APP" or variable.startswith(("CARDOON_TEST_", "CARDOON_LOG"))


def _read(key: str, kind: Kind, value: Any) -> Any:
    try:
        return kind.read(value)
    except CardoonError as error:
        raise ConfigurationError(f"{key}: {error}") from None
    except (ValueError, TypeError, OverflowError):
        raise ConfigurationError(f"{key} must be {kind.form}, not {_shown(value)}") from None


def _shown(value: Any) -> str:
    return repr(mask(value) if isinstance(value, str) else value)


def _not_yet(name: str) -> str:
    feature = celery_names.NOT_YET.get(name)
    return f"not supported yet ({feature})" if feature else ""


def _contradictions(settings: Settings) -> list[str]:
    found = []
    try:
        time_limits(settings.task_time_limit, settings.task_soft_time_limit)
    except CardoonError as error:
        found.append(f"task_{error}")
    if settings.task_serializer not in settings.accept_content:
        found.append(
            f"accept_content {settings.accept_content} lacks the task_serializer {settings.task_serializer!r}"
        )
    return found


def _remarks(settings: Settings, backend: str | None) -> list[str]:
    """What is right, but may not do what was hoped."""
    found = []
    if backend and backend != settings.url:
        found.append(
            f"result_backend {mask(backend)} has no effect: results are kept with their jobs at `url`"
        )
    if not settings.enable_utc:
        found.append("enable_utc=False has no effect: moments are kept in UTC, schedules follow `timezone`")
    unread = [name for name in settings.accept_content if name not in SERIALIZERS]
    if unread:
        found.append(f"accept_content: nothing is written in {', '.join(unread)}, so nothing of it is read")
    declared = {queue.name for queue in settings.task_queues}
    if not settings.task_create_missing_queues and settings.task_default_queue not in declared:
        found.append(
            f"task_default_queue {settings.task_default_queue!r} is not declared: "
            "tasks that name no queue are refused"
        )
    return found


def _raise(found: list[ConfigurationError]) -> None:
    if not found:
        return
    only_unknown = all(isinstance(error, UnknownOption) for error in found)
    kind = UnknownOption if only_unknown else ConfigurationError
    raise kind("\n".join(map(str, found)))


def _cardoon_table(pyproject: Path | None) -> Mapping[str, Any]:
    """`[tool.cardoon]` of this file, or for a relative path of the nearest such file that has one."""
    if pyproject is None:
        return {}
    if pyproject.is_absolute():
        return _table_in(pyproject)
    folder = Path.cwd()
    files = (place / pyproject for place in (folder, *folder.parents))
    return next((table for file in files if file.is_file() and (table := _table_in(file))), {})


def _table_in(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_text("utf-8")
        if "cardoon" not in text:
            return {}
        import tomllib  # here, because most applications have no such table

        table = tomllib.loads(text).get("tool", {}).get("cardoon", {})
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise ConfigurationError(f"{file}: [tool.cardoon] must be a table")
    return table
