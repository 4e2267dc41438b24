"""The schema: which migrations it has, the ones that are missing, and all of them as text."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from cardoon.engines.postgres.place import Place, parse
from cardoon.engines.sqlfile import migrations
from cardoon.model.errors import EngineRefused

MIGRATIONS = Path(__file__).with_name("migrations")
OLDEST_SERVER = 130000
_TABLE = """CREATE TABLE {schema}.migrations (
    number integer PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now()
);"""


def check(db: psycopg.Connection, place: Place) -> None:
    """Raises EngineRefused unless server and schema are ones that this Cardoon works with."""
    _refuse_old(db, place)
    if db.execute("SELECT pg_is_in_recovery()").fetchall()[0][0]:
        raise EngineRefused(f"{place.shown} is a read-only replica; name the primary in the URL")
    done, known = applied(db, place), len(migrations(MIGRATIONS))
    if done > known:
        raise EngineRefused(
            f"schema {place.schema} of {place.shown} is at migration {done}, this Cardoon knows {known}: "
            "upgrade Cardoon"
        )
    if done < known:
        raise EngineRefused(
            f"schema {place.schema} of {place.shown} is at migration {done} of {known}: run `cardoon migrate`"
        )


def _refuse_old(db: psycopg.Connection, place: Place) -> None:
    version = db.info.server_version
    if version < OLDEST_SERVER:
        raise EngineRefused(f"{place.shown} is PostgreSQL {_told(version)}; Cardoon needs 13 or newer")


def applied(db: psycopg.Connection, place: Place) -> int:
    """How many migrations the schema has; 0 when there is none."""
    there = db.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{place.quoted}.migrations"]).fetchall()[0][0]
    if not there:
        return 0
    query = f"SELECT coalesce(max(number), 0) FROM {place.quoted}.migrations"
    return int(db.execute(query.encode()).fetchall()[0][0])


def bring_up(db: psycopg.Connection, place: Place) -> list[str]:
    """Apply the migrations that are missing, in one transaction; their names. Others wait meanwhile.

    Raises EngineRefused for a server that is too old, on which nothing is made.
    """
    _refuse_old(db, place)
    with db.transaction():
        db.execute("SET LOCAL statement_timeout = '10min'; SET LOCAL synchronous_commit = on")
        db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"cardoon {place.schema}"])
        done = applied(db, place)
        missing = migrations(MIGRATIONS)[done:]
        if not missing:
            return []
        if not db.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [place.schema]).fetchall():
            db.execute(f"CREATE SCHEMA {place.quoted}".encode())
        if done == 0:
            db.execute(_in(place, _TABLE).encode())
        for number, (name, script) in enumerate(missing, start=done + 1):
            db.execute(_in(place, script).encode())
            db.execute(_mark(place, number, name).encode())
    return [name for name, _script in missing]


def remove(url: str) -> None:
    """Drop the schema of this URL with all jobs in it; for tests."""
    place = parse(url)
    with psycopg.connect(make_conninfo(**{**place.libpq, "options": ""}), autocommit=True) as db:
        db.execute("SET client_min_messages = error")
        db.execute(f"DROP SCHEMA IF EXISTS {place.quoted} CASCADE".encode())


def as_sql(place: Place) -> str:
    """All migrations as one script for `psql`, for those who let nothing else change their schema."""
    steps = migrations(MIGRATIONS)
    scripts = [
        f"{_in(place, script)}{_mark(place, n, name)}" for n, (name, script) in enumerate(steps, start=1)
    ]
    return "\n".join(
        [
            "BEGIN;",
            f"CREATE SCHEMA IF NOT EXISTS {place.quoted};",
            _in(place, _TABLE),
            *scripts,
            "COMMIT;",
            "",
        ]
    )


def _in(place: Place, script: str) -> str:
    return script.replace("{schema}", place.quoted)


def _mark(place: Place, number: int, name: str) -> str:
    return f"INSERT INTO {place.quoted}.migrations (number, name) VALUES ({number}, '{name}');"


def _told(version: int) -> str:
    return (
        f"{version // 10000}.{version % 10000}"
        if version >= 100000
        else f"{version // 10000}.{version // 100 % 100}"
    )
