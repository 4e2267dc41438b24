"""What PostgreSQL says went wrong, in the errors of the tree."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors as pg

from cardoon.engines.postgres.errors import KnownId, TookTooLong, may_repeat, not_connected, translated
from cardoon.engines.postgres.place import parse
from cardoon.model.errors import EngineFull, EngineRefused, EngineUnavailable

PLACE = parse("postgresql://ada:s3cret@h:5433/d")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (pg.DiskFull("no space left on device"), EngineFull, "earlier jobs are intact"),
        (pg.UndefinedTable("no such table"), EngineRefused, "run `cardoon migrate`"),
        (pg.InsufficientPrivilege("permission denied for table jobs"), EngineRefused, "GRANT SELECT, INSERT"),
        (pg.InsufficientPrivilege("permission denied for sequence x"), EngineRefused, "ALL SEQUENCES"),
        (pg.ReadOnlySqlTransaction("cannot execute INSERT"), EngineUnavailable, "name the primary"),
        (pg.QueryCanceled("canceling statement due to statement timeout"), EngineUnavailable, "within 5 s"),
        (TookTooLong("no answer"), EngineUnavailable, "within 5 s"),
        (pg.AdminShutdown("terminating connection"), EngineUnavailable, "terminating"),
        (pg.TooManyConnections("sorry, too many clients already"), EngineUnavailable, "too many clients"),
        (pg.UniqueViolation("duplicate key"), KnownId, "duplicate"),
        (OSError("broken pipe"), EngineUnavailable, "broken pipe"),
    ],
)
def test_errors_of_calls(error: psycopg.Error | OSError, kind: type[Exception], words: str) -> None:
    told = translated(error, PLACE)
    assert type(told) is kind
    assert words in str(told)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ('FATAL:  password authentication failed for user "ada"', EngineRefused, "password is wrong"),
        ('FATAL:  database "d" does not exist', EngineRefused, "no such database"),
        ("server does not support SSL, but SSL was required", EngineRefused, "sslmode=disable"),
        ("SSL error: certificate verify failed", EngineRefused, "sslrootcert=FILE"),
        ('server certificate for "x" does not match host name "h"', EngineRefused, "certificate"),
        ("SSL error: unexpected eof while reading", EngineUnavailable, "cannot be reached"),
        ("SSL error: tlsv1 alert unknown ca", EngineRefused, "sslcert=FILE"),
        ('FATAL:  no pg_hba.conf entry for host "h", no encryption', EngineRefused, "sslmode=verify-full"),
        ("FATAL:  sorry, too many clients already", EngineUnavailable, "too many clients"),
        ("connection refused", EngineUnavailable, "cannot be reached"),
        ("timeout expired", EngineUnavailable, "cannot be reached"),
        ("invalid value s3cret", EngineUnavailable, "invalid value ***"),
    ],
)
def test_errors_of_connecting(said: str, kind: type[Exception], words: str) -> None:
    told = not_connected(psycopg.OperationalError(said), PLACE)
    assert type(told) is kind
    assert words in str(told)
    assert "s3cret" not in str(told)


def test_what_the_server_took_back_may_be_repeated() -> None:
    assert may_repeat(pg.DeadlockDetected("deadlock detected"))
    assert may_repeat(pg.SerializationFailure("could not serialize"))
    assert not may_repeat(pg.UniqueViolation("duplicate key"))
