"""What an error of the library or the server means, in the words of Cardoon's tree."""

from __future__ import annotations

import ssl

from redis import exceptions

from cardoon.engines.contract import CALL_SECONDS
from cardoon.model.errors import EngineError, EngineFull, EngineRefused, EngineUnavailable

_PASSING = ("LOADING", "MASTERDOWN", "READONLY", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "max number of clients")
"""The beginnings of what a server says that will be well by itself, or after a failover."""


def translated(error: Exception, place: str) -> EngineError:
    """The error to raise for what happened at this place."""
    if refusal := _of_tls(error, place):
        return EngineRefused(f"{place}: {_words(error)}; {refusal}")
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return EngineUnavailable(f"{place} gave no answer within {CALL_SECONDS:g} s")
    if isinstance(error, exceptions.AuthenticationError):
        return EngineRefused(f"{place} accepts neither this user nor this password: {_words(error)}")
    if isinstance(error, exceptions.NoPermissionError) or "NOPERM" in str(error):
        return EngineRefused(f"{place}: {_words(error)}; grant it with ACL SETUSER, see docs/engines.md")
    if isinstance(error, exceptions.OutOfMemoryError) or "OOM command" in str(error):
        return EngineFull(f"{place} has no memory left; nothing was written, earlier jobs are intact")
    if "MISCONF" in str(error):
        return EngineFull(f"{place} cannot write to its disk; nothing was written: {_words(error)}")
    if _is_passing(error):
        return EngineUnavailable(f"{place} cannot serve now: {_words(error)}")
    if isinstance(error, exceptions.ConnectionError | OSError):
        return EngineUnavailable(f"{place} is not reached: {_words(error)}")
    return EngineRefused(f"{place}: {_words(error)}")


def _of_tls(error: BaseException | None, place: str) -> str:
    """What to do when the two sides did not come to trust each other; empty for other errors."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "name the authority with ssl_ca_certs=FILE, and the host as its certificate does"
        if isinstance(error, ssl.SSLError) and "_ALERT_" in str(error.reason):
            return "name a certificate of yours that it trusts with ssl_certfile=FILE and ssl_keyfile=FILE"
        if isinstance(error, FileNotFoundError) and place.startswith("rediss:"):
            return "a file that ssl_ca_certs, ssl_certfile or ssl_keyfile names is not there"
        error = error.__cause__ or error.__context__
    return ""


def _is_passing(error: Exception) -> bool:
    passing = (
        exceptions.BusyLoadingError,
        exceptions.ReadOnlyError,
        exceptions.ClusterError,
        exceptions.TryAgainError,
    )
    return isinstance(error, passing) or any(word in str(error) for word in _PASSING)


def _words(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__
