"""PostgreSQL: plans that were made while a table was empty are still good when it is large."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests import servers

from cardoon.engines.postgres.engine import PostgresEngine
from cardoon.engines.postgres.prepared import Row
from cardoon.model import clock, outcome
from cardoon.model.message import Message
from cardoon.testing.conformance.arena import arena_for


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with servers.url_of("postgres") as url:
        yield url


@pytest.fixture
def engine(server: str) -> Iterator[PostgresEngine]:
    arena = arena_for(server)
    engine = PostgresEngine(arena.fresh())
    yield engine
    engine.close()
    arena.cleanup()


def plan(engine: PostgresEngine, statement: str) -> str:
    """How the session of the last call carries this out, as it was prepared there."""
    with engine._connections.using() as db:
        rows: list[Row] = db.execute(f"EXPLAIN EXECUTE {statement}".encode(), prepare=False).fetchall()
    return "\n".join(line for (line,) in rows)


def test_who_asked_for_results_when_there_were_none_reads_no_table_from_end_to_end_later(
    engine: PostgresEngine,
) -> None:
    message = Message(id=clock.new_id(), task="shop.resize")
    engine.push([message])
    assert engine.wait_results([message.id], 0.0) == {}
    assert engine.result(message.id) is not None

    (claim,) = engine.claim("ada", None, 1)
    engine.settle([(claim, outcome.succeeded(b"1"))])
    assert list(engine.wait_results([message.id], 0.0)) == [message.id]

    for statement in (f"ended_among(ARRAY['{message.id}'], 0)", f"result('{message.id}', '{message.id}')"):
        told = plan(engine, statement)
        assert "Index" in told, told
        assert "Seq Scan" not in told, told
