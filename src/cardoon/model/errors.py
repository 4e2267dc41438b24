"""Every exception of Cardoon, drawn as a tree.

CardoonError
├── ConfigurationError          something declared wrongly; nothing was started
│   ├── UnknownOption           with the nearest name that exists
│   ├── AlreadyRegistered       two different tasks of one name
│   ├── AppNotFound             the path of the application leads nowhere
│   └── IncompleteTask          a lambda, a nested function, something that is no task
├── CallRefused                 bad input at `delay`; no job was made
│   ├── ArgumentsRefused        do not fit the signature           (also a TypeError)
│   ├── NotSerializable         cannot travel                      (also a TypeError)
│   ├── PayloadTooLarge         larger than the limit              (also a ValueError)
│   ├── InvalidOption           naive datetime, eta and countdown  (also a ValueError)
│   │   └── InvalidFilter       a filter of jobs, with the place of the mistake
│   ├── QueueNotFound           queues are declared, this one not  (also a LookupError)
│   └── NotRegistered           no such task                       (also a KeyError)
├── EngineError                 the place where jobs are kept
│   ├── EngineUnavailable       not reached in bounded time        (also a ConnectionError)
│   ├── EngineBusy              its write turn was not free in time
│   ├── EngineFull              no space left; earlier jobs are intact
│   ├── EngineRefused           not ours, too new, without our rights, or on a network file system
│   │   └── EngineDamaged       it does not mend itself
│   └── NotSupported            a capability that this engine does not declare
├── ResultError                 what a handle has to tell
│   ├── UnknownJob              no job of this id                  (also a LookupError)
│   ├── ResultTimeout           not finished in time               (also a TimeoutError)
│   ├── TaskFailed              failed with an error that cannot be rebuilt here
│   ├── TaskRevokedError        cancelled or expired before it finished
│   ├── ResultLost              the body succeeded, its result could not be stored
│   ├── WorkerLostError         quarantined: its workers died under it
│   └── MaxRetriesExceededError `retry()` was called once too often
├── LeaseLost                   this attempt no longer owns its job
└── SoftTimeLimitExceeded, TimeLimitExceeded

Signal                          how a task tells its worker what should become of it
├── Retry                       run again later
└── Ignore                      end as skipped, store nothing
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_EXCERPT = 70
"""So much of a filter is shown around a mistake."""


class CardoonError(Exception):
    """Something in Cardoon went wrong."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])


class ConfigurationError(CardoonError):
    """The configuration is wrong; run `cardoon check` to see everything that is."""


class UnknownOption(ConfigurationError):
    """There is no option of that name."""

    @classmethod
    def named(cls, name: str, known: Iterable[str], where: str) -> UnknownOption:
        """The error for `name` in `where`, with the nearest name that exists."""
        return cls(f"{where} has no option {name!r}{nearest(name, known)}")


class AlreadyRegistered(ConfigurationError):
    """Two different tasks have one name; give one of them another `name=`."""


class AppNotFound(ConfigurationError):
    """The application was not found; name it as `module:app`."""


class IncompleteTask(ConfigurationError):
    """A task must be importable by its worker and have something to run."""


class CallRefused(CardoonError):
    """The call was refused; no job was made."""


class ArgumentsRefused(CallRefused, TypeError):
    """The arguments do not fit the task."""


class NotSerializable(CallRefused, TypeError):
    """The value cannot travel to a worker."""


class PayloadTooLarge(CallRefused, ValueError):
    """The arguments are larger than the limit; pass an id or a path instead."""


class InvalidOption(CallRefused, ValueError):
    """The option does not make sense."""


class InvalidFilter(InvalidOption):
    """The filter cannot be read; `position` is the index of the character that is wrong."""

    position = 0

    @classmethod
    def at(cls, why: str, text: str, position: int) -> InvalidFilter:
        """The error with the text and, below it, a caret at this position."""
        start = max(0, min(position - _EXCERPT // 2, len(text) - _EXCERPT))
        shown = "".join(c if c.isprintable() else " " for c in text[start : start + _EXCERPT])
        error = cls(f"{why}\n  {shown}\n  {' ' * (position - start)}^")
        error.position = position
        return error


class QueueNotFound(CallRefused, LookupError):
    """No queue of that name is declared."""


class NotRegistered(CallRefused, KeyError):
    """No task of that name is registered; is the module that defines it imported?"""

    __str__ = Exception.__str__


class EngineError(CardoonError):
    """The engine could not do what was asked."""


class EngineUnavailable(EngineError, ConnectionError):
    """The engine was not reached in time."""


class EngineBusy(EngineError):
    """The engine's write turn was not free in time; nothing was written."""


class EngineFull(EngineError):
    """The engine has no space left; nothing was written, earlier jobs are intact."""


class EngineRefused(EngineError):
    """The engine cannot be used as it is."""


class EngineDamaged(EngineRefused):
    """What the engine keeps is damaged: trying again cannot help."""


class NotSupported(EngineError):
    """The engine does not declare the capability; see docs/engines.md."""


class ResultError(CardoonError):
    """The result cannot be had."""


class UnknownJob(ResultError, LookupError):
    """There is no job of this id, or it was forgotten after its retention."""


class ResultTimeout(ResultError, TimeoutError):
    """The job did not finish in time; it goes on."""


class TaskFailed(ResultError):
    """The task failed with an error that cannot be rebuilt in this process."""


class TaskRevokedError(ResultError):
    """The job was cancelled or expired before it finished."""


class ResultLost(ResultError):
    """The task succeeded, but its result could not be stored."""


class WorkerLostError(ResultError):
    """The job was quarantined: the workers that ran it died."""


class MaxRetriesExceededError(ResultError):
    """The task called `retry()` once too often."""


class LeaseLost(CardoonError):
    """The attempt no longer owns its job; what it writes is refused."""


class SoftTimeLimitExceeded(CardoonError):
    """The soft time limit passed; the task may still clean up and return."""


class TimeLimitExceeded(CardoonError):
    """The hard time limit passed; the process that ran the task was ended."""


class Signal(Exception):
    """How a task tells its worker what should become of it."""


class Retry(Signal):
    """Run this job again later; raised by `self.retry()`."""

    def __init__(
        self, message: str = "", exc: BaseException | None = None, when: float | None = None
    ) -> None:
        super().__init__(message)
        self.exc = exc
        self.when = when
        self.message: Any = None


class Ignore(Signal):
    """End this job as skipped and store nothing."""


RetryTaskError = Retry
"""The name of Celery 1.0 for the signal of one attempt (seed-spec F2)."""

MaxRetriesExceeded = MaxRetriesExceededError
"""The name in the guide of Celery 1.0 (seed-spec F2)."""


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The words `; did you mean 'x'?`, or nothing when no known name is near."""
    import difflib  # here, so that only who errs pays for it

    found = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {found[0]!r}?" if found else ""
