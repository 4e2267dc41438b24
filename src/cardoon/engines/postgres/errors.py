"""What PostgreSQL and its driver say went wrong, in the errors of every engine."""

from __future__ import annotations

import re

import psycopg

from cardoon.engines.contract import CALL_SECONDS
from cardoon.engines.postgres.place import Place
from cardoon.model.errors import EngineError, EngineFull, EngineRefused, EngineUnavailable

LEASE_LOST = "CA001"
"""The code that our own function `push` raises."""

_MIGRATE = "run `cardoon migrate`"
_FULL = ("53100",)
_NO_RIGHT = ("42501",)
_NO_SCHEMA = ("3F000", "42P01", "42883", "42703", "42704")
_TOO_LONG = ("57014", "55P03", "25P03")
_READ_ONLY = ("25006",)
_AGAIN = ("40001", "40P01")
_KNOWN = "23505"

_WORDS = (
    (r"no password supplied|SCRAM|authentication failed", "the user or password is wrong"),
    (r"no pg_hba.conf entry.* no encryption", "the server lets nobody in from here as this user without TLS: "
     "add sslmode=verify-full to the URL, or see its pg_hba.conf"),
    (r"no pg_hba.conf entry", "the server lets nobody in from here as this user: see its pg_hba.conf"),
    (r'database ".*" does not exist', "there is no such database: make it, or name another one in the URL"),
    (r'role ".*" does not exist', "the user or password is wrong"),
    (r"is not permitted to log in", "this user may not log in"),
    (r"permission denied for database", "this user may not connect: GRANT CONNECT ON DATABASE"),
    (r"server does not support SSL", "the server has no TLS, which is asked for unless the host is local; "
     "add sslmode=disable to the URL if you trust the network between"),
    (r"valid client certificate|alert (unknown ca|bad certificate|certificate)", "the server wants to see a "
     "certificate of yours that it trusts: name it by sslcert=FILE and sslkey=FILE"),
    (r"\b(jit|plan_cache_mode)\b", "the server is older than PostgreSQL 12; Cardoon needs 13 or newer"),
    (r"certificate|sslmode|sslrootcert", "the server's certificate was not accepted: name its authority by "
     "sslrootcert=FILE, and the host as the certificate does; or it has expired"),
)  # fmt: skip
_REFUSALS = tuple((re.compile(pattern), why) for pattern, why in _WORDS)


class KnownId(psycopg.IntegrityError):
    """An id is that of a job which has not ended, or which another stores at this moment."""


class TookTooLong(psycopg.OperationalError):
    """The server did not answer in time; the connection is of no use any more."""


def may_repeat(error: Exception) -> bool:
    """Whether the server took everything back because two steps were in each other's way."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _AGAIN


def is_demoted(error: Exception) -> bool:
    """Whether the server takes no writes any more: it became a standby, or was made read-only."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _READ_ONLY


def translated(error: psycopg.Error | OSError, place: Place) -> Exception:
    """The error of the tree; our own are passed on."""
    code = getattr(error, "sqlstate", None) or ""
    if code == LEASE_LOST:
        return error
    said = _first_line(error)
    if code == _KNOWN:
        return KnownId(said)
    if code in _FULL:
        return EngineFull(f"{place.shown} has no space left; nothing was written, earlier jobs are intact")
    if code in _NO_RIGHT:
        return EngineRefused(f"{place.shown}: {said}; {_grant(said, place)}")
    if code in _NO_SCHEMA:
        return EngineRefused(
            f"{place.shown} has no schema {place.schema} of this Cardoon ({said}): {_MIGRATE}"
        )
    if code in _READ_ONLY:
        return EngineUnavailable(
            f"{place.shown} is read-only at the moment, as a standby is; name the primary"
        )
    if code in _TOO_LONG or isinstance(error, TookTooLong):
        return EngineUnavailable(f"{place.shown} did not answer within {CALL_SECONDS:g} s ({said})")
    if isinstance(error, (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError)):
        return EngineError(f"{place.shown}: {said}")
    return EngineUnavailable(f"{place.shown}: {said}")


def not_connected(error: psycopg.Error, place: Place) -> EngineError:
    """The error of a connection that was not made; a refusal where trying again cannot help.

    The driver gives no code for these, so the words decide. libpq tells no password.
    """
    said = " ".join(str(error).split())
    password = place.libpq.get("password")
    if password:
        said = said.replace(str(password), "***")
    for pattern, why in _REFUSALS:
        if pattern.search(said):
            return EngineRefused(f"{place.shown}: {why} ({said})")
    return EngineUnavailable(f"{place.shown} cannot be reached: {said}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _grant(said: str, place: Place) -> str:
    kind, _, name = said.rpartition("permission denied for ")[2].partition(" ")
    grants = {
        "schema": f"GRANT USAGE ON SCHEMA {place.schema}",
        "table": f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {place.schema}",
        "sequence": f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {place.schema}",
        "function": f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {place.schema}",
        "database": f"GRANT CREATE ON DATABASE {name.strip(chr(34))}",
    }
    # A server that speaks another language is not understood; then one of these it is.
    known = "; ".join(grants[kind] for kind in ("schema", "table", "sequence"))
    return f"missing: {grants.get(kind, f'one of {known};')} TO this user"
