"""`cardoon migrate` on PostgreSQL, where nothing else changes the schema; and what tells that it is due."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from project import Project
from psycopg.sql import SQL, Identifier


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    """A schema that is not there yet, and is gone afterwards."""
    schema = f"cli_{uuid.uuid4().hex}"
    yield f"{postgres_url}{'&' if '?' in postgres_url else '?'}schema={schema}"
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))


def ask(project: Project, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return project.run(*words, "--url", url)


def test_a_schema_that_is_not_there_is_told_by_whoever_needs_it_and_made_by_migrate(
    project: Project, url: str
) -> None:
    for words in (["queues"], ["jobs", "list"]):
        refused = ask(project, url, *words)
        assert refused.returncode == 69
        assert "run `cardoon migrate`" in refused.stderr
    assert ask(project, url, "migrate").stdout.startswith("applied 001_")
    assert ask(project, url, "migrate").stdout == "up to date\n"
    assert ask(project, url, "queues").stdout == "no job was sent yet\n"


def test_check_looks_and_makes_nothing(project: Project, url: str) -> None:
    for _ in range(2):
        refused = ask(project, url, "check")
        assert refused.returncode == 69
        assert "run `cardoon migrate`" in " ".join(refused.stdout.split())
    ask(project, url, "migrate")
    looked = ask(project, url, "check")
    assert looked.returncode == 0, looked.stdout
    told = " ".join(looked.stdout.split())
    assert "durable: each answered call is on the disk of the server" in told
    assert "schema up to date" in told


def test_the_schema_is_told_as_sql_without_asking_the_server(project: Project) -> None:
    told = ask(project, "postgresql://127.0.0.1:1/nowhere?schema=shop", "migrate", "--sql")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("BEGIN;\n")
    assert told.stdout.endswith("COMMIT;\n")
    assert '"shop"' in told.stdout
