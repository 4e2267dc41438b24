"""What can happen at a failpoint: by name, a maker that checks the argument and gives what to call."""

from __future__ import annotations

import builtins
import os
import signal
import subprocess
from collections.abc import Callable
from functools import partial

from cardoon.model import clock, errors
from cardoon.model.errors import ConfigurationError, nearest

Action = Callable[[], None]

_CONTINUE = 'sleep "$1"; while kill -CONT "$2" 2>/dev/null; do sleep 0.1; done'
"""Again and again, so that a signal which came before the process had stopped is not the last."""


def _kill() -> None:
    """End this process as if by `kill -9`: nothing of it is heard again."""
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(seconds: float) -> None:
    """Freeze this process with all its threads; a process beside it lets it go on."""
    command = ["/bin/sh", "-c", _CONTINUE, "continue", f"{seconds:f}", str(os.getpid())]
    with subprocess.Popen(command, start_new_session=True) as helper:
        os.kill(os.getpid(), signal.SIGSTOP)
        helper.kill()


def _raise(kind: type[BaseException], text: str) -> None:
    raise kind(text)


def _nothing() -> None:
    """A file has no connection that could be cut."""


def _error(text: str) -> Action:
    """An error of Cardoon or of Python, by its name."""
    found = getattr(errors, text, None) or getattr(builtins, text, None)
    if not isinstance(found, type) or not issubclass(found, BaseException):
        known = [name for place in (errors, builtins) for name in vars(place) if name[:1].isupper()]
        raise ConfigurationError(f"no error is called {text!r}{nearest(text, known)}")
    return partial(_raise, found, "a failpoint was hit")


def _seconds(act: Callable[[float], None]) -> Callable[[str], Action]:
    def made(text: str) -> Action:
        try:
            return partial(act, float(text))
        except ValueError:
            raise ConfigurationError(f"{text!r} are no seconds") from None

    return made


def _exit(text: str) -> Action:
    """End this process at once with this exit code; nothing is cleaned up."""
    if not text.isdecimal():
        raise ConfigurationError(f"{text!r} is no exit code")
    return partial(os._exit, int(text))


ALONE: dict[str, Action] = {"kill": _kill, "cut": _nothing}
"""`cut` cuts the connection to an engine; on engines that are files it does nothing."""

WITH_ARGUMENT: dict[str, Callable[[str], Action]] = {
    "stop": _seconds(_stop),
    "sleep": _seconds(clock.sleep),
    "raise": _error,
    "exit": _exit,
}


def action(text: str) -> Action:
    """What `kill`, `stop:2`, `raise:EngineUnavailable` and so on ask for; raises ConfigurationError."""
    word, has_argument, argument = text.partition(":")
    if word in ALONE and not has_argument:
        return ALONE[word]
    if word in WITH_ARGUMENT and argument:
        return WITH_ARGUMENT[word](argument)
    if word in ALONE or word in WITH_ARGUMENT:
        form = word if word in ALONE else f"{word}:ARGUMENT"
        raise ConfigurationError(f"write {form!r}, not {text!r}")
    known = [*ALONE, *WITH_ARGUMENT]
    raise ConfigurationError(f"no action is called {word!r}{nearest(word, known)} ({', '.join(known)})")
