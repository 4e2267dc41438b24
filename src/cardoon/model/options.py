"""The options of a task and of one call: every name, its check, and kind refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cardoon.model import clock
from cardoon.model.errors import ConfigurationError, InvalidOption, UnknownOption, nearest
from cardoon.model.message import PRIORITIES
from cardoon.model.queue import check_name
from cardoon.model.retry import (
    DEFAULT_BACKOFF_MAX,
    DEFAULT_MAX_RETRIES,
    DEFAULT_RETRY_DELAY,
    ErrorTypes,
    RetryPolicy,
)

SERIALIZERS = ("json",)
PICKLE = "pickle"
"""What Celery's tasks may declare: taken with a warning, as their arguments travel as JSON all the same."""

POOLS = ("solo", "threads", "async")
"""The ways of running a job that a task may ask for."""

LONGEST = 1e11
"""Seconds in more than 3,000 years: what may still be counted from now and be a date."""

_DURATIONS = (
    "default_retry_delay",
    "retry_backoff",
    "retry_backoff_max",
    "time_limit",
    "soft_time_limit",
)

ALIASES = {
    "autoretry_for": "retry_for",
    "dont_autoretry_for": "dont_retry_for",
    "retry_delay": "default_retry_delay",
}
"""Celery's spelling of a task option -> the one used here."""


NOT_YET = {
    "rate_limit": "limits",
    "unique": "unique jobs",
    "exclusive": "locks",
    "serial": "locks",
    "concurrency": "limits",
    "exchange": "the RabbitMQ engine",
    "exchange_type": "the RabbitMQ engine",
    "routing_key": "routing",
    "mandatory": "routing",
    "immediate": "routing",
    "delivery_mode": "the RabbitMQ engine",
    "disable_error_emails": "error mails",
    "run_every": "schedules",
}
"""Options of Celery and the seeds that come with a later part: refused, lest somebody rely on them."""

NOT_NEEDED = frozenset(
    {"acks_late", "acks_on_failure_or_timeout", "backend", "ignore_result_backend", "reject_on_worker_lost",
     "resultrepr_maxsize", "send_events", "shadow_name", "store_eager_result", "track_started", "trail"}
)  # fmt: skip
"""Options of Celery for what always holds here: taken, without effect."""

_SURELY_A_TYPO = 0.85


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a task declares. None means: what the settings of the application say."""

    queue: str | None = None
    priority: int | None = None
    max_retries: int | None = DEFAULT_MAX_RETRIES
    default_retry_delay: float = DEFAULT_RETRY_DELAY
    retry_for: ErrorTypes = ()
    dont_retry_for: ErrorTypes = ()
    retry_backoff: float = 0.0
    retry_backoff_max: float = DEFAULT_BACKOFF_MAX
    retry_jitter: bool = True
    time_limit: float | None = None
    soft_time_limit: float | None = None
    expires: float | datetime | None = None
    ignore_result: bool | None = None
    store_errors_even_if_ignored: bool | None = None
    serializer: str = "json"
    pool: str | None = None
    typing: bool = True
    accept_magic_kwargs: bool = False

    @classmethod
    def checked(cls, task: str, given: Mapping[str, Any]) -> TaskOptions:
        """The options of the task called `task`; raises ConfigurationError naming what is wrong."""
        named: dict[str, Any] = {}
        for spelled, value in given.items():
            name = ALIASES.get(spelled, spelled)
            if name in NOT_NEEDED:
                continue
            refuse_not_yet(task, name, value)
            if name not in cls.__struct_fields__:
                raise UnknownOption.named(name, [*cls.__struct_fields__, *ALIASES], f"task {task!r}")
            if name in named:
                raise ConfigurationError(f"task {task!r}: {name} is given twice, once as another spelling")
            named[name] = value
        return cls(**_checked_values(f"task {task!r}", named))

    @property
    def retry(self) -> RetryPolicy:
        """The retry policy these options describe."""
        return RetryPolicy(
            max_retries=self.max_retries,
            delay=self.default_retry_delay,
            backoff=self.retry_backoff,
            backoff_max=self.retry_backoff_max,
            jitter=self.retry_jitter,
            retry_for=self.retry_for,
            dont_retry_for=self.dont_retry_for,
        )


def refuse_not_yet(task: str, name: str, value: Any) -> None:
    """Raises ConfigurationError for an option that is known but comes later, if it asks for something."""
    if name in NOT_YET and value not in (None, False, 0, ""):
        raise ConfigurationError(f"task {task!r}: {name} is not supported yet; it comes with {NOT_YET[name]}")


def check_attributes(task: str, attributes: Mapping[str, Any]) -> None:
    """Raises for attributes of a class that must be meant as options and are none: later ones, and typos."""
    known = ["name", *TaskOptions.__struct_fields__, *ALIASES]
    for name, value in attributes.items():
        refuse_not_yet(task, name, value)
        if name.startswith("_") or name in known or callable(value) or not isinstance(value, _PLAIN):
            continue
        near = nearest(name, known, _SURELY_A_TYPO)
        if near:
            raise UnknownOption(f"task {task!r} has no option {name!r}{near}")


_PLAIN = (str, int, float, tuple, list, timedelta, type(None))


def _checked_values(where: str, options: dict[str, Any]) -> dict[str, Any]:
    try:
        if options.get("queue") is not None:
            check_name(options["queue"])
        if options.get("priority") is not None:
            options["priority"] = priority(options["priority"])
        for name in ("retry_for", "dont_retry_for"):
            if name in options:
                options[name] = error_types(name, options[name])
        for name in _DURATIONS:
            if options.get(name) is not None:
                options[name] = seconds(name, options[name])
        time_limits(options.get("time_limit"), options.get("soft_time_limit"))
        most = options.get("max_retries")
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 0):
            raise InvalidOption(f"max_retries must be a number of retries or None (endless), not {most!r}")
        if "serializer" in options:
            options["serializer"] = serializer(options["serializer"])
        if options.get("pool") is not None:
            options["pool"] = pool(options["pool"])
    except InvalidOption as error:
        raise ConfigurationError(f"{where}: {error}") from None
    return options


def error_types(name: str, given: Any) -> ErrorTypes:
    """One exception class or several, as a tuple."""
    kinds = tuple(given) if isinstance(given, (tuple, list, set, frozenset)) else (given,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise InvalidOption(f"{name} takes exception classes, not {kind!r}")
    return kinds


def seconds(name: str, given: Any) -> float:
    """A duration as seconds; True is one second, as in Celery's `retry_backoff=True`."""
    if isinstance(given, timedelta):
        given = given.total_seconds()
    if not isinstance(given, (int, float)) or not 0 <= given <= LONGEST:
        raise InvalidOption(f"{name} must be seconds or a timedelta, not negative, not endless: {given!r}")
    return float(given)


def priority(given: Any) -> int:
    """0 to 9, 0 first."""
    if isinstance(given, bool) or not isinstance(given, int) or given not in PRIORITIES:
        raise InvalidOption(f"priority must be a whole number from 0 (first) to 9, not {given!r}")
    return given


def serializer(given: Any) -> str:
    """The serializer of a task that declares this one."""
    if given not in (*SERIALIZERS, PICKLE):
        raise InvalidOption(f"unknown serializer {given!r}; there is: {', '.join(SERIALIZERS)}")
    return SERIALIZERS[0]


def pool(given: Any) -> str:
    """One of the POOLS."""
    if given not in POOLS:
        near = nearest(str(given), POOLS)
        raise InvalidOption(f"pool must be one of {', '.join(POOLS)}, not {given!r}{near}")
    return str(given)


def time_limits(hard: float | None, soft: float | None) -> None:
    """Raises InvalidOption when the soft limit would come after the hard one."""
    if hard is not None and soft is not None and soft > hard:
        raise InvalidOption(f"soft_time_limit ({soft:g} s) must not be above time_limit ({hard:g} s)")


def moment(name: str, given: datetime | float | timedelta) -> float:
    """A point in time: an aware datetime, or seconds (or a timedelta) from now."""
    if isinstance(given, datetime):
        if given.tzinfo is None or given.utcoffset() is None:
            hint = given.replace(tzinfo=UTC).isoformat()
            raise InvalidOption(
                f"{name} must be an aware datetime; {given!r} has no time zone (for UTC: {hint})"
            )
        return given.timestamp()
    return clock.now() + seconds(name, given)


def due(eta: Any, countdown: float | timedelta | None) -> float | None:
    """When a job may start, from either of its two spellings; None is now."""
    if eta is not None and countdown is not None:
        raise InvalidOption("give eta or countdown, not both")
    if eta is not None:
        if not isinstance(eta, datetime):
            raise InvalidOption(f"eta must be an aware datetime, not {eta!r}; for seconds use countdown=")
        return moment("eta", eta)
    return None if not countdown else moment("countdown", countdown)


def unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises InvalidOption for the first name in `given` that is not known."""
    known = list(known)
    for name in given:
        if name not in known:
            raise InvalidOption(str(UnknownOption.named(name, known, where)))
